/**
 * The images on this node: which are there, which are wanted, and which may go.
 *
 * Only what this foreman has pulled itself is ever removed, and only where the operator has set the space for images
 * (`image`): least recently used first, until the sizes of what it has pulled fit that space. An image that a task here
 * runs in or waits for stays, and so does one that somebody has given another name: then it is not ours any more.
 */
import type { Clock, Log } from '@kolejka/program';
import { familiarImage, MOST_IMAGE_NAME, MOST_IMAGES } from '@kolejka/protocol';
import type { Image, WorkerContext } from '@kolejka/worker';
import { type ImageRecord, type ImageRecords, openImageRecords } from './image-records.ts';
import type { MESSAGES } from './messages.ts';

/** What a foreman asks and tells about images. */
export interface NodeImages {
  /** Lets the image of a task stay until what is answered is called. */
  hold(image: string): Promise<() => void>;
  /** Names of images that are here, those that were used last first. */
  present(): Promise<readonly string[]>;
}

/** Where tasks run in no image. */
export const NO_IMAGES: NodeImages = { hold: async () => () => undefined, present: async () => [] };

export interface ImagesOptions {
  docker: WorkerContext['engine']['docker'];
  /** Where it remembers what it has pulled. */
  file: string;
  /** Most bytes of images that this foreman has pulled; undefined when they are let be. */
  spaceBytes: number | undefined;
  log: Pick<Log<typeof MESSAGES>, 'say'>;
  clock: Pick<Clock, 'now' | 'monotonic'>;
}

/** An engine may leave out what is empty. */
interface Names {
  RepoTags?: string[] | null;
  RepoDigests?: string[] | null;
}

/** What an operator does by hand is seen after this time. */
const LOOK_AGAIN_MS = 60_000;

export class Images implements NodeImages {
  readonly #options: ImagesOptions;
  readonly #records: ImageRecords;
  /** Names that are wanted now, with how often. */
  readonly #held = new Map<string, number>();
  #removing: Promise<unknown> = Promise.resolve();
  #shrinking: Promise<void> | undefined;
  #present: { names: readonly string[]; atMs: number } | undefined;

  private constructor(options: ImagesOptions, records: ImageRecords) {
    this.#options = options;
    this.#records = records;
  }

  /** Opens them, and makes room where too much was left. */
  static async open(options: ImagesOptions): Promise<Images> {
    const failed = (error: unknown) => options.log.say('images-not-noted', { error });
    const images = new Images(options, await openImageRecords(options.file, failed));
    await images.shrink();
    return images;
  }

  async hold(image: string): Promise<() => void> {
    const name = familiarImage(image);
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    // Removals look who holds before they begin; one that has begun is waited for, so that the image is pulled again.
    await this.#removing;
    return () => {
      const left = (this.#held.get(name) ?? 0) - 1;
      if (left > 0) this.#held.set(name, left);
      else this.#held.delete(name);
      void this.shrink();
    };
  }

  /** Notes which image a task runs in. @param isNew it came for this task: then it is ours */
  used(task: string, { id, sizeBytes }: Pick<Image, 'id' | 'sizeBytes'>, isNew: boolean): void {
    const name = familiarImage(task);
    const { byId } = this.#records;
    const known = byId.get(id);
    if (isNew) this.#present = undefined;
    if (known === undefined && !isNew) return;
    const names = [...new Set([...(known?.names ?? []), name])];
    byId.set(id, { id, names, sizeBytes, usedMs: this.#options.clock.now() });
    void this.#records.save();
    if (isNew) void this.shrink();
  }

  async present(): Promise<readonly string[]> {
    const now = this.#options.clock.monotonic();
    if (this.#present === undefined || now - this.#present.atMs > LOOK_AGAIN_MS) {
      const atMs = now;
      // Without an engine no task is taken, and that is said elsewhere.
      const names = await this.#list().catch(() => []);
      this.#present = { names, atMs };
    }
    return this.#present.names;
  }

  /** Removes what is too much. Never rejects. */
  async shrink(): Promise<void> {
    if (this.#options.spaceBytes === undefined) return;
    // What was wanted while one is under way may be free by its end.
    await this.#shrinking;
    await (this.#shrinking ??= this.#removeMost(this.#options.spaceBytes).finally(() => (this.#shrinking = undefined)));
  }

  async #removeMost(spaceBytes: number): Promise<void> {
    const { byId } = this.#records;
    const oldest = [...byId.values()].toSorted((one, other) => one.usedMs - other.usedMs);
    for (const record of oldest) {
      const takenBytes = [...byId.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      if (takenBytes <= spaceBytes) return;
      if (await this.#remove(record)) await this.#records.save();
    }
  }

  /** @returns whether the image is no longer one of ours */
  async #remove(record: ImageRecord): Promise<boolean> {
    const { docker, log } = this.#options;
    const { byId } = this.#records;
    const { id, names, sizeBytes } = record;
    if (this.#isHeld(names)) return false;
    try {
      const found: Names = await docker.getImage(id).inspect();
      const [tags, digests] = [found.RepoTags ?? [], found.RepoDigests ?? []];
      if (this.#isHeld([...names, ...tags, ...digests])) return false;
      const isOurs = tags.every((tag) => names.includes(familiarImage(tag)));
      if (isOurs) {
        // Nothing is forced: what a container uses stays. The last of its names takes the image along.
        const removal = removeAll(docker, tags.length > 0 ? tags : [id]);
        this.#removing = removal.catch(() => undefined);
        await removal;
        log.say('image-removed', { image: names[0], id, bytes: sizeBytes });
      }
      byId.delete(id);
      this.#present = undefined;
      return true;
    } catch (error) {
      const { statusCode } = error as { statusCode?: number };
      if (statusCode === 404) return byId.delete(id);
      // 409: a container that is not ours uses it.
      if (statusCode !== 409) log.say('image-not-removed', { image: names[0], id, error });
      return false;
    }
  }

  #isHeld(names: readonly string[]): boolean {
    return names.some((name) => this.#held.has(familiarImage(name)));
  }

  async #list(): Promise<string[]> {
    const { byId } = this.#records;
    const images = await this.#options.docker.listImages();
    const lastUse = ({ Id, Created }: { Id: string; Created: number }) => byId.get(Id)?.usedMs ?? Created * 1000;
    return images
      .toSorted((one, other) => lastUse(other) - lastUse(one))
      .flatMap(({ RepoTags, RepoDigests }) => [...(RepoTags ?? []), ...(RepoDigests ?? [])])
      .filter((name) => !name.includes('<none>') && name.length <= MOST_IMAGE_NAME)
      .slice(0, MOST_IMAGES);
  }
}

async function removeAll(docker: ImagesOptions['docker'], names: readonly string[]): Promise<void> {
  for (const name of names) await docker.getImage(name).remove();
}
