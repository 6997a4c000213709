/**
 * The arguments of a `docker run` that is as hardened as the worker's own container, read from such a container: so
 * that what is compared is the same whatever the worker does for safety.
 */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ContainerInspectInfo } from 'dockerode';

/** What the worker keeps by groups above the container. */
export interface OwnLimits {
  memoryBytes: number;
  pids: number;
}

/** Options of a container and the flags that ask for the same; all others must be as nobody has set them. */
const FLAGS: Record<string, (value: never) => string[]> = {
  Init: (on: boolean) => (on ? ['--init'] : []),
  ReadonlyRootfs: (on: boolean) => (on ? ['--read-only'] : []),
  CapDrop: each('--cap-drop'),
  CapAdd: each('--cap-add'),
  IpcMode: (mode: string) => ['--ipc', mode],
  CgroupnsMode: (mode: string) => (mode === '' ? [] : ['--cgroupns', mode]),
  ShmSize: (bytes: number) => ['--shm-size', String(bytes)],
  Ulimits: (limits: { Name: string; Soft: number; Hard: number }[]) =>
    limits.flatMap(({ Name, Soft, Hard }) => ['--ulimit', `${Name}=${Soft}:${Hard}`]),
  LogConfig: ({ Type }: { Type: string }) => ['--log-driver', Type],
  StorageOpt: (options: Record<string, string>) =>
    Object.entries(options).flatMap(([name, value]) => ['--storage-opt', `${name}=${value}`]),
  Tmpfs: (mounts: Record<string, string>) =>
    Object.entries(mounts).flatMap(([target, options]) => ['--tmpfs', `${target}:${options}`]),
};

/** Kept otherwise here, or what the engine itself says where nobody has asked for anything. */
const APART = new Set([
  'CgroupParent',
  'PidsLimit',
  'NetworkMode',
  'Mounts',
  'Runtime',
  'Isolation',
  'RestartPolicy',
  'SecurityOpt',
]);
const ENGINES_OWN = new Set(['ConsoleSize', 'MaskedPaths', 'ReadonlyPaths', 'MemorySwappiness', 'Binds']);

/**
 * @param container of the worker, as `docker inspect` shows it
 * @param directory for what stands in for its workspace
 */
export async function dockerRunArguments(
  { Config: config, HostConfig: host }: ContainerInspectInfo,
  { memoryBytes, pids }: OwnLimits,
  directory: string,
): Promise<string[]> {
  const options = Object.entries(host).flatMap(([name, value]) => {
    if (APART.has(name) || ENGINES_OWN.has(name)) return [];
    const flags = FLAGS[name];
    if (flags !== undefined) return value === null ? [] : flags(value as never);
    if (isEmpty(value)) return [];
    throw new Error(
      `the worker sets ${name} to ${JSON.stringify(value)}: say in ${import.meta.filename} how to ask for it`,
    );
  });
  return [
    '--rm',
    '--no-healthcheck',
    '--network=none',
    `--hostname=${config.Hostname}`,
    `--user=${config.User}`,
    `--workdir=${config.WorkingDir}`,
    `--memory=${memoryBytes}`,
    `--memory-swap=${memoryBytes}`,
    `--pids-limit=${pids}`,
    ...options,
    ...(await securityFlags(host.SecurityOpt ?? [], directory)),
    ...(await mountFlags(host.Mounts ?? [], directory)),
  ];
}

/** The command reads the list of system calls from a file, and sends what is in it. */
async function securityFlags(options: readonly string[], directory: string): Promise<string[]> {
  const flags: string[] = [];
  await mkdir(directory, { recursive: true });
  for (const option of options) {
    const [, profile] = /^seccomp=(\{.*)$/s.exec(option) ?? [];
    const file = path.join(directory, 'seccomp.json');
    if (profile !== undefined) await writeFile(file, profile);
    flags.push('--security-opt', profile === undefined ? option : `seccomp=${file}`);
  }
  return flags;
}

function each(flag: string) {
  return (values: string[]) => values.flatMap((value) => [flag, value]);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return [null, undefined, '', 0, false].includes(value as null);
}

/** Where the engine has files of its own in the place of the worker's. */
const ENGINES_FILES = new Set(['/etc/hosts', '/etc/hostname']);

async function mountFlags(mounts: NonNullable<ContainerInspectInfo['HostConfig']['Mounts']>, directory: string) {
  const flags: string[] = [];
  for (const { Type: type, Source: source, Target: target, ReadOnly: readOnly, TmpfsOptions: tmpfs } of mounts) {
    if (ENGINES_FILES.has(target)) continue;
    const parts = [`type=${type}`, `target=${target}`, ...(readOnly === true ? ['readonly'] : [])];
    if (type === 'bind') parts.push(`source=${await standIn(source, path.join(directory, target))}`);
    if (tmpfs?.SizeBytes !== undefined) parts.push(`tmpfs-size=${tmpfs.SizeBytes}`);
    if (tmpfs?.Mode !== undefined) parts.push(`tmpfs-mode=${tmpfs.Mode.toString(8)}`);
    flags.push('--mount', parts.join(','));
  }
  return flags;
}

/** An empty directory or file, as the mounted one is. */
async function standIn(original: string, place: string): Promise<string> {
  const isDirectory = (await stat(original)).isDirectory();
  await mkdir(isDirectory ? place : path.dirname(place), { recursive: true });
  if (!isDirectory) await writeFile(place, '');
  return place;
}
