/**
 * The network of a task: the engine's bridge when it may have one; else a namespace of its own with a loopback and
 * nothing else, which the runtime makes and not the engine (docs/decisions/0008-network-namespace.md).
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Options of a container that say what network it has. */
export interface Network {
  disabled: boolean;
  mode: 'bridge' | 'none';
  /** Files of /etc in the container that are ours, and where they are on this machine. */
  files: Readonly<Record<string, string>>;
}

/** Name of the machine that a task sees, as in the original. */
export const HOSTNAME = 'kolejka';
/** The names of the loopback, without which `localhost` would not be found. */
const HOSTS = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';

/**
 * @param allowed may the task reach a network
 * @param directory of the run, in which the task itself can write nothing
 */
export async function prepareNetwork(allowed: boolean, directory: string): Promise<Network> {
  if (allowed) return { disabled: false, mode: 'bridge', files: {} };
  // The engine writes no hosts, and a hostname that the task could write, on the machine's disk.
  const files = { '/etc/hosts': path.join(directory, 'hosts'), '/etc/hostname': path.join(directory, 'hostname') };
  await writeFile(files['/etc/hosts'], HOSTS, { mode: 0o644 });
  await writeFile(files['/etc/hostname'], `${HOSTNAME}\n`, { mode: 0o644 });
  // An engine that does not know of disabled networks still knows the mode.
  return { disabled: true, mode: 'none', files };
}
