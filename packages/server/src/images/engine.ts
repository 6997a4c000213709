/** What the server wants of a Docker engine: an image pulled and measured, and pushed under another name. */
import type { Readable } from 'node:stream';
import type { AuthConfig } from 'dockerode';
import type { ImageReference } from './reference.ts';

export interface PulledImage {
  /** Identifier in this engine: sha256 of the configuration, 64 hex digits. */
  id: string;
  sizeBytes: number;
}

export interface ImageEngine {
  /** @throws an error when the engine does not answer */
  ping(): Promise<unknown>;
  /**
   * @param loading hears how many compressed bytes are to be loaded, as far as is known; when it throws, the pull ends
   * @throws what the engine says
   */
  pull(reference: ImageReference, call: EngineCall, loading: (bytes: number) => void): Promise<PulledImage>;
  /**
   * Pushes the image into a repository and answers its digest there.
   * @throws what the engine says
   */
  push(id: string, repository: string, call: EngineCall): Promise<string>;
}

export interface EngineCall {
  /** For the registry, where it wants to know who asks. */
  auth: AuthConfig | undefined;
  signal: AbortSignal;
}

/** @param socketPath where the engine listens; when not given, DOCKER_HOST, else /var/run/docker.sock */
export async function openImageEngine(socketPath: string | undefined): Promise<ImageEngine> {
  // Only a server with a registry needs it, and it is slow to load.
  const { default: Docker } = await import('dockerode');
  const docker = new Docker(socketPath === undefined ? {} : { socketPath });

  return {
    ping: () => docker.ping(),
    async pull({ repository, tag = 'latest', digest }, { auth = {}, signal }, loading) {
      const options = { fromImage: repository, tag: digest ?? tag, abortSignal: signal };
      const progress = (await docker.createImage(auth, options)) as Readable;
      const layers = new Map<string, number>();
      for await (const { id, status, progressDetail } of readProgress(progress)) {
        if (id === undefined || status !== 'Downloading' || progressDetail?.total === undefined) continue;
        layers.set(id, progressDetail.total);
        loading(layers.values().reduce((bytes, layer) => bytes + layer, 0));
      }
      const name = digest === undefined ? `${repository}:${tag}` : `${repository}@${digest}`;
      const { Id, Size } = await unlessAborted(signal, docker.getImage(name).inspect());
      return { id: Id.replace(/^sha256:/, ''), sizeBytes: Size };
    },
    async push(id, repository, { auth = {}, signal }) {
      const tagged = docker.getImage(`${repository}:${id}`);
      await docker.getImage(`sha256:${id}`).tag({ repo: repository, tag: id, abortSignal: signal });
      try {
        const progress = await docker.getImage(repository).push({ tag: id, authconfig: auth, abortSignal: signal });
        let digest: string | undefined;
        for await (const { aux } of readProgress(progress as Readable)) digest = aux?.Digest ?? digest;
        if (digest === undefined) throw new Error('the engine pushed the image and did not say its digest');
        return digest;
      } finally {
        // The tag was only for pushing. When it cannot be taken away, it is in nobody's way.
        await unlessAborted(signal, tagged.remove()).catch(() => undefined);
      }
    },
  };
}

/** For calls of dockerode that heed no signal. */
function unlessAborted<Answer>(signal: AbortSignal, work: Promise<Answer>): Promise<Answer> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, aborted]);
}

/** A line of what the engine says while it pulls or pushes. */
interface Progress {
  id?: string;
  status?: string;
  progressDetail?: { total?: number };
  aux?: { Digest?: string };
  error?: string;
}

/**
 * What the engine says, line by line. Leaving early cuts the connection, which ends the pulling.
 * @throws the error among the lines: the answer began with 200
 */
async function* readProgress(stream: Readable): AsyncGenerator<Progress> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const said = JSON.parse(line) as Progress;
      if (said.error !== undefined) throw new Error(said.error);
      yield said;
    }
  }
}
