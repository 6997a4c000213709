/** The container engine, spoken to over its socket. */
import { GridError } from '@kolejka/protocol';
import { Docker } from './docker.ts';

/** What of the engine a worker needs to know once. */
export interface Engine {
  docker: Docker;
  /** How it calls itself: `Docker`, `Podman`. */
  name: string;
  version: string;
  /** Who makes the groups of containers: `cgroupfs` by hand, `systemd`. */
  cgroupDriver: string;
  /** Control groups as the engine sees them; undefined where it does not say, as Docker before 20.10. */
  cgroupVersion: string | undefined;
  /** Does it run without root? */
  isRootless: boolean;
  /** How it keeps the files of images and containers, such as `overlay2`. */
  storageDriver: string;
  /** The directory it keeps everything in. */
  directory: string;
  /** Names of the runtimes that it can start containers with. */
  runtimes: readonly string[];
}

const NOT_RUNNING = 'Docker is not running: start it ("systemctl start docker") or run "npm run setup"';
const FORBIDDEN = 'This user may not use Docker: run as root, or join the group "docker".';

/** What is read of the answers; an engine may leave out any of it. */
interface Info {
  CgroupDriver?: string;
  CgroupVersion?: string;
  Driver?: string;
  DockerRootDir?: string;
  Runtimes?: Record<string, unknown>;
  SecurityOptions?: string[];
}
interface Version {
  Version?: string;
  Components?: { Name?: string }[];
}

/**
 * The engine of DOCKER_HOST or /var/run/docker.sock: Docker, or another that speaks its API.
 * @throws GridError `engine-unreachable`
 */
export async function openEngine(): Promise<Engine> {
  const docker = new Docker();
  try {
    const [info, version] = (await Promise.all([docker.info(), docker.version()])) as [Info, Version];
    return {
      docker,
      name: nameOf(version),
      version: version.Version ?? 'unknown',
      cgroupDriver: info.CgroupDriver ?? 'unknown',
      cgroupVersion: info.CgroupVersion,
      storageDriver: info.Driver ?? 'unknown',
      directory: info.DockerRootDir ?? '/var/lib/docker',
      runtimes: Object.keys(info.Runtimes ?? {}),
      isRootless: (info.SecurityOptions ?? []).includes('name=rootless'),
    };
  } catch (cause) {
    const isForbidden = (cause as NodeJS.ErrnoException).code === 'EACCES';
    throw new GridError('engine-unreachable', isForbidden ? FORBIDDEN : notRunning(), { cause });
  }
}

function notRunning(): string {
  const host = process.env['DOCKER_HOST'] ?? '';
  return host === '' ? `${NOT_RUNNING}.` : `${NOT_RUNNING}, or unset DOCKER_HOST, which names ${host}.`;
}

/** Docker calls its first component `Engine`, Podman its own `Podman Engine`. */
function nameOf({ Components: [first] = [] }: Version): string {
  const name = first?.Name?.replace(/ ?Engine$/, '') ?? '';
  return name === '' ? 'Docker' : name;
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
