/** Images: there already, or pulled; what of them a run needs to know. */
import { GridError, MOST_IMAGE_NAME } from '@kolejka/protocol';
import type { ImageInspectInfo } from 'dockerode';
import { type Engine, engineStatus } from './engine.ts';
import { engineFailure } from './engine-failure.ts';
import type { PullListener } from './image-pull.ts';
import type { ImagePulls } from './image-pulls.ts';

export interface Image {
  /** What the container is made of: a tag may be moved between the look and the start. */
  id: string;
  /** The same for people and other machines: `NAME@sha256:…`, or the identifier where no registry has given a digest. */
  digest: string;
  /** Names of the variables that the image would put into the environment. */
  variables: string[];
  sizeBytes: number;
}

export interface ImageOptions {
  /** Pull even when a local version is there. */
  pull: boolean;
  /** Largest size that may be used, in bytes. */
  limitBytes: number | undefined;
  signal: AbortSignal;
  /** Hears how far a pull is. */
  pulling?: PullListener | undefined;
  /** Hears of the image that is used, also of one that is too large. */
  found?: ImageListener | undefined;
}

/** @param isNew it was not on this machine before this run, or another was under its name */
export type ImageListener = (image: Image, isNew: boolean) => void;

/** Where images are, and who pulls them. */
export interface ImageSource {
  engine: Engine;
  pulls: ImagePulls;
}

/** What names of images are made of; nothing else may come into the address of a call. */
const NAME = /^[\w.:/@[\]-]+$/;

/**
 * The image by its name, pulled when it is not there.
 * @throws GridError `image-unavailable` when it cannot be had or is too large
 */
export async function fetchImage(source: ImageSource, name: string, options: ImageOptions): Promise<Image> {
  if (!NAME.test(name) || name.includes('..') || name.length > MOST_IMAGE_NAME) {
    throw new GridError('image-unavailable', `${JSON.stringify(name.slice(0, 100))} is not a name of an image.`);
  }
  const before = await inspect(source.engine, name);
  const image = before === undefined || options.pull ? await pull(source, name, options) : before;
  options.found?.(image, before?.id !== image.id);
  if (options.limitBytes !== undefined && image.sizeBytes > options.limitBytes) {
    throw new GridError(
      'image-unavailable',
      `The image ${name} has ${image.sizeBytes} bytes, the limit is ${options.limitBytes}.`,
    );
  }
  return image;
}

async function inspect(engine: Engine, name: string): Promise<Image | undefined> {
  try {
    const found = await engine.docker.getImage(name).inspect();
    const variables = (found.Config?.Env ?? []).map((entry) => entry.split('=', 1)[0] ?? '');
    return { id: found.Id, digest: digestOf(name, found), variables, sizeBytes: found.Size };
  } catch (error) {
    if (engineStatus(error) === 404) return undefined;
    throw engineFailure(error, 'image-unavailable', `The image ${name} cannot be looked up`);
  }
}

/** One image may be known to several registries: the digest is that of the one the task names, if there is one. */
function digestOf(name: string, { Id, RepoDigests }: Pick<ImageInspectInfo, 'Id' | 'RepoDigests'>): string {
  const digests = RepoDigests ?? [];
  const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return digests.find((digest) => digest.split('@', 1)[0] === repository) ?? digests[0] ?? Id;
}

async function pull({ engine, pulls }: ImageSource, name: string, options: ImageOptions): Promise<Image> {
  await pulls.pull(name, options);
  const image = await inspect(engine, name);
  if (image === undefined) throw new GridError('image-unavailable', `The image ${name} was pulled but is not there.`);
  return image;
}
