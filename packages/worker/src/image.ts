/** Images: there already, or pulled; what of them a run needs to know. */
import { GridError } from '@kolejka/protocol';
import { type Engine, engineStatus } from './engine.ts';
import { engineFailure } from './engine-failure.ts';

export interface Image {
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
}

/**
 * The image by its name, pulled when it is not there.
 * @throws GridError `image-unavailable` when it cannot be had or is too large
 */
export async function fetchImage(engine: Engine, name: string, options: ImageOptions): Promise<Image> {
  const found = options.pull ? undefined : await inspect(engine, name);
  const image = found ?? (await pull(engine, name, options.signal));
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
    return { variables, sizeBytes: found.Size };
  } catch (error) {
    if (engineStatus(error) === 404) return undefined;
    throw engineFailure(error, 'image-unavailable', `The image ${name} cannot be looked up`);
  }
}

async function pull(engine: Engine, name: string, signal: AbortSignal): Promise<Image> {
  try {
    const progress = await engine.docker.pull(name, { abortSignal: signal });
    await new Promise<void>((resolve, reject) => {
      engine.docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
    });
  } catch (error) {
    throw engineFailure(error, 'image-unavailable', `The image ${name} could not be pulled`);
  }
  const image = await inspect(engine, name);
  if (image === undefined) throw new GridError('image-unavailable', `The image ${name} was pulled but is not there.`);
  return image;
}
