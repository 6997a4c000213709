/** The container engine, spoken to over its socket. */
import { GridError } from '@kolejka/protocol';
import Docker from 'dockerode';

/** What of the engine a worker needs to know once. */
export interface Engine {
  docker: Docker;
  /** Who makes the groups of containers: `cgroupfs` by hand, `systemd`. */
  cgroupDriver: string;
  /** How it keeps the files of images and containers, such as `overlay2`. */
  storageDriver: string;
  /** The directory it keeps everything in. */
  directory: string;
  /** Names of the runtimes that it can start containers with. */
  runtimes: readonly string[];
}

/** What is looked at in the engine's description of itself. */
interface Info {
  CgroupDriver?: string;
  Driver?: string;
  DockerRootDir?: string;
  Runtimes?: Record<string, unknown>;
}

const NOT_RUNNING = 'Docker is not running: start it ("systemctl start docker") or run "npm run setup".';
const FORBIDDEN = 'This user may not use Docker: run as root, or join the group "docker".';

/**
 * The engine of DOCKER_HOST or /var/run/docker.sock.
 * @throws GridError `engine-unreachable`
 */
export async function openEngine(): Promise<Engine> {
  const docker = new Docker();
  let info: Info;
  try {
    info = (await docker.info()) as Info;
  } catch (cause) {
    const isForbidden = (cause as NodeJS.ErrnoException).code === 'EACCES';
    throw new GridError('engine-unreachable', isForbidden ? FORBIDDEN : NOT_RUNNING, { cause });
  }
  return {
    docker,
    cgroupDriver: info.CgroupDriver ?? 'unknown',
    storageDriver: info.Driver ?? 'unknown',
    directory: info.DockerRootDir ?? '/var/lib/docker',
    runtimes: Object.keys(info.Runtimes ?? {}),
  };
}

/** HTTP status of an error that the engine answered, or undefined. */
export function engineStatus(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** The engine's own sentence in an error. */
export function engineMessage(error: unknown): string {
  const { json, message } = error as { json?: { message?: unknown }; message?: string };
  return typeof json?.message === 'string' ? json.message : (message ?? String(error));
}
