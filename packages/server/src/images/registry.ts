/**
 * Images of tasks in a registry of our own: what a name stands for when its task is put is what every node gets, also
 * when the name is given to another image later, or its registry is away.
 */
import type { Clock, Log } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import type { MESSAGES } from '../messages.ts';
import { openImageEngine } from './engine.ts';
import { refuseLarger } from './admission.ts';
import { keepAnswers } from './kept.ts';
import { openPullTurns } from './pull-turns.ts';
import type { ImageReference } from './reference.ts';
import type { ImageSettings } from './settings.ts';

/** So long a name is taken for what it was: a task set of a thousand tasks is pulled once. */
const KEEP_MS = 5 * 60_000;
const MOST_KEPT = 10_000;

export interface PinnedImage {
  /** Repository and digest: the same bytes for ever. */
  image: string;
  sizeBytes: number;
}

/**
 * Answers the image in the registry for the name that a user gives.
 * Nobody's going away ends a pull: others may wait for it.
 */
export type PinImage = (name: string, reference: ImageReference, user: number) => Promise<PinnedImage>;

export interface RegistryOptions {
  settings: ImageSettings & { image_registry: string };
  /** No image is larger, in bytes. */
  limitBytes: number | undefined;
  clock: Clock;
  log: Log<typeof MESSAGES>;
  stopping: AbortSignal;
}

/**
 * @returns how to pin an image; it throws GridError `image-refused`, `image-not-pulled`, `image-not-pushed`, in the
 * original's words, and `busy`
 */
export async function openRegistry({ settings, limitBytes, clock, log, stopping }: RegistryOptions): Promise<PinImage> {
  const engine = await openImageEngine(settings.docker_socket);
  // No reason not to start: Docker may start after us, and everything else works without it.
  engine.ping().catch((error: unknown) => log.say('engine away', { error }));

  const repository = `${settings.image_registry}/${settings.image_registry_name}`;
  const pinned = keepAnswers<PinnedImage>({ keepMs: KEEP_MS, most: MOST_KEPT, clock });
  // Of two names of one image the second waits: they are pushed under one tag.
  const pushed = keepAnswers<string>({ keepMs: 0, most: 0, clock });
  // Whose pull of a name has not begun yet waits for no other user: that one's may be far behind.
  const queued = keepAnswers<PinnedImage>({ keepMs: 0, most: 0, clock });
  const turns = openPullTurns();

  return (name, reference, user) =>
    turns.wait(user, () => {
      const pull = () => turns.inTurn(user, () => pinned.get(name, () => pin(name, reference)));
      return pinned.find(name) ?? queued.get(`${user} ${name}`, pull);
    });

  async function pin(name: string, reference: ImageReference): Promise<PinnedImage> {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(settings.image_timeout)]);
    const isOurs = reference.repository.startsWith(`${settings.image_registry}/`);
    const call = { auth: isOurs ? authOf(settings) : undefined, signal };
    const loading = (bytes: number) => refuseLarger(name, bytes / SURPLUS, limitBytes);
    const { id, sizeBytes } = await engine.pull(reference, call, loading).catch((error: unknown) => {
      if (error instanceof GridError) throw error;
      log.say('image not pulled', { image: name, error });
      throw new GridError('image-not-pulled', `Image ${name} could not be pulled`, { field: 'image', cause: error });
    });
    refuseLarger(name, sizeBytes, limitBytes);
    const push = () => engine.push(id, repository, { auth: authOf(settings), signal });
    const digest = await pushed.get(id, push).catch((error: unknown) => {
      log.say('image not pushed', { image: name, error });
      const message = `Image ${name} could not be pushed to local repository`;
      throw new GridError('image-not-pushed', message, { field: 'image', cause: error });
    });
    log.say('image pinned', { image: name, digest, bytes: sizeBytes });
    return { image: `${repository}@${digest}`, sizeBytes };
  }
}

/** A compressed layer is seldom larger than what is in it, and then by little. */
const SURPLUS = 1.1;

function authOf(settings: RegistryOptions['settings']) {
  const {
    image_registry: serveraddress,
    image_registry_username: username,
    image_registry_password: password,
  } = settings;
  return username === undefined || password === undefined ? undefined : { username, password, serveraddress };
}
