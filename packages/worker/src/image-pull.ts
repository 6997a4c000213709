/** Pulls an image, as whoever is logged in to its registry, and tells how far it is. */
import type { AuthConfig } from 'dockerode';
import { type Engine } from './engine.ts';
import { engineFailure } from './engine-failure.ts';
import { findCredentials } from './registry-credentials.ts';

/** How far a pull is, in compressed bytes of the layers that are known so far. */
export interface PullProgress {
  image: string;
  loadedBytes: number;
  totalBytes: number;
}

export type PullListener = (progress: PullProgress) => void;

export interface PullOptions {
  signal: AbortSignal;
  pulling?: PullListener | undefined;
}

/** @throws GridError `image-unavailable` saying what the registry or the engine says; `engine-unreachable` */
export async function pullImage(engine: Engine, image: string, options: PullOptions): Promise<void> {
  const { signal: abortSignal, pulling = () => undefined } = options;
  const { credentials, trouble } = await findCredentials(image);
  try {
    // The engine takes what its types do not know: `identitytoken` in place of name and password.
    const authconfig = credentials as AuthConfig | undefined;
    const answer = await engine.docker.pull(image, { abortSignal, ...(authconfig && { authconfig }) });
    await followPull(engine, answer, image, pulling, abortSignal);
  } catch (error) {
    const hint = trouble === undefined ? '' : ` (asked without a password: ${trouble})`;
    throw engineFailure(error, 'image-unavailable', `The image ${image} could not be pulled${hint}`);
  }
}

/** What the engine says of one layer. */
interface Line {
  id?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number };
}

async function followPull(
  { docker }: Engine,
  answer: NodeJS.ReadableStream,
  image: string,
  heard: PullListener,
  stop: AbortSignal,
): Promise<void> {
  const layers = new Map<string, { loaded: number; total: number }>();
  const hear = ({ id, status, progressDetail: { current, total } = {} }: Line) => {
    if (id === undefined) return;
    const known = layers.get(id);
    if (status === 'Downloading' && current !== undefined && total !== undefined) {
      layers.set(id, { loaded: current, total });
    } else if (status === 'Download complete' && known !== undefined) {
      known.loaded = known.total;
    } else return;
    let [loadedBytes, totalBytes] = [0, 0];
    for (const { loaded, total: whole } of layers.values()) {
      loadedBytes += loaded;
      totalBytes += whole;
    }
    heard({ image, loadedBytes, totalBytes });
  };
  await new Promise<void>((resolve, reject) => {
    stop.addEventListener('abort', () => reject(stop.reason as Error), { once: true });
    docker.modem.followProgress(answer, (error) => (error === null ? resolve() : reject(error)), hear);
  });
}
