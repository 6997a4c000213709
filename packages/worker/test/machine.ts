/** What tasks, runs and programs of a test could leave on the machine, looked up in the machine itself. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import Docker from 'dockerode';

/** What belongs to the test: everything that names one of these is its own. */
export interface Belongings {
  /** Directories that must be gone. */
  directories: readonly string[];
  /** Tasks whose containers, groups and processes must be gone. */
  tasks: readonly string[];
}

/** One line per thing that is still there; empty when nothing is left behind. */
export async function findLeftovers({ directories, tasks }: Belongings): Promise<string[]> {
  const names = [...directories, ...tasks];
  const isOurs = (text: string) => names.some((name) => text.includes(name));
  const found = await Promise.all([
    findProcesses(isOurs),
    findContainers(isOurs),
    findGroups(isOurs),
    findMounts(isOurs),
  ]);
  const kept = directories.filter((directory) => existsSync(directory)).map((directory) => `directory ${directory}`);
  return [...found.flat(), ...kept];
}

type Ours = (text: string) => boolean;

/** Of ours are processes that were started with one of the names, or that are in a group that carries one. */
async function findProcesses(isOurs: Ours): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, groups] = await Promise.all([readProcess(pid, 'cmdline'), readProcess(pid, 'cgroup')]);
      return isOurs(command) || isOurs(groups) ? [`process ${pid} ${command.replaceAll('\0', ' ')}`] : [];
    }),
  );
  return found.flat();
}

/** Empty when the process is gone meanwhile. */
async function readProcess(pid: string, file: 'cmdline' | 'cgroup'): Promise<string> {
  return await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
}

async function findContainers(isOurs: Ours): Promise<string[]> {
  const containers = await new Docker().listContainers({ all: true });
  return containers
    .filter((container) => isOurs(JSON.stringify([container.Names, container.Labels, container.Mounts])))
    .map((container) => `container ${container.Names.join()}`);
}

/** Groups stand below every hierarchy that is mounted. */
async function findGroups(isOurs: Ours): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const roots = mounts
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, directory]) => directory ?? '');
  const found = await Promise.all(
    roots.map(async (root) => {
      const groups = await readdir(`${root}/kolejka`, { recursive: true, withFileTypes: true }).catch(() => []);
      return groups.filter((entry) => entry.isDirectory()).map((entry) => `group ${entry.parentPath}/${entry.name}`);
    }),
  );
  return found.flat().filter(isOurs);
}

async function findMounts(isOurs: Ours): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return mounts.filter(isOurs).map((line) => `mount ${line}`);
}
