/**
 * Mounts of a run, made and taken away with mount(8) and umount(8), which every Linux has.
 *
 * What a run mounts lies below its directory, or covers a directory of the engine with a part of that. So what a
 * worker that was killed has left mounted is found by the directory of its run.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GridError } from '@kolejka/protocol';

/** Programs that make and mount file systems, and the Debian package each comes with. */
const PACKAGES: Record<string, string> = { mount: 'mount', umount: 'mount', 'mkfs.ext4': 'e2fsprogs' };

/** They are not in the PATH of every user. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin';
/** So long one of them may take; a disk that hangs must not hold the worker. */
const PATIENCE_MS = 120_000;

/**
 * Runs programs of the system, in one script: a shell starts them in a tenth of the time that this process takes.
 * @param args what the script knows as "$1", "$2"
 * @throws GridError `node-unfit` with their own words, or the package that is missing
 */
export async function runScript(script: string, ...args: string[]): Promise<void> {
  const options = { env: { PATH: SYSTEM_PATH, LC_ALL: 'C' }, timeout: PATIENCE_MS };
  try {
    await promisify(execFile)('/bin/sh', ['-euc', script, 'sh', ...args], options);
  } catch (cause) {
    const said = ((cause as { stderr?: string }).stderr ?? '').trim();
    const missing = /([\w.]+): (?:command )?not found/.exec(said)?.[1];
    const remedy = missing === undefined ? '' : ` (install the package ${PACKAGES[missing] ?? missing})`;
    throw new GridError('node-unfit', `${said === '' ? (cause as Error).message : said}${remedy}.`, { cause });
  }
}

/** Makes a new directory, with a copy of what is in `directory`, appear in its place until it is uncovered. */
export async function coverDirectory(directory: string, copy: string): Promise<void> {
  await runScript('cp --archive --no-target-directory -- "$1" "$2"; mount --bind -- "$2" "$1"', directory, copy);
}

/** So often an unmount is tried while something that has just ended still holds it, with pauses of 50 ms. */
const TRIES = 40;

/** Takes away what is mounted at the directories. @throws GridError `node-unfit` when one stays busy */
export async function unmount(directories: readonly string[]): Promise<void> {
  let mounted = directories;
  for (let left = TRIES; mounted.length > 0; left -= 1) {
    try {
      return await runScript('umount -- "$@"', ...mounted);
    } catch (error) {
      if (left === 0) throw error;
    }
    const now = new Set((await listMounts()).map(({ at }) => at));
    mounted = mounted.filter((directory) => now.has(directory));
    if (mounted.length > 0) await sleep(50);
  }
}

/** Takes a cover away at once; programs that still run in it keep what they hold until they end. */
export async function uncover(directory: string): Promise<void> {
  await runScript('umount --lazy -- "$1"', directory).catch(async (error: unknown) => {
    if ((await listMounts()).some((mount) => mount.at === directory)) throw error;
  });
}

/** Takes away covers whose source lies below `directory`: to be called before the engine removes what they cover. */
export async function uncoverAll(directory: string): Promise<void> {
  const mounts = await listMounts();
  const devices = new Set(mounts.filter((mount) => isBelow(mount, directory)).map(({ device }) => device));
  for (const mount of mounts.toReversed()) {
    if (devices.has(mount.device) && !isBelow(mount, directory)) await uncover(mount.at);
  }
}

/** Takes away everything that is mounted below `directory`. */
export async function unmountAll(directory: string): Promise<void> {
  const mounts = (await listMounts()).filter((mount) => isBelow(mount, directory));
  await unmount(mounts.map(({ at }) => at).toReversed());
}

interface Mount {
  /** Where it is. */
  at: string;
  /** `major:minor` of the file system; the same for all mounts of it. */
  device: string;
  options: readonly string[];
}

const isBelow = ({ at }: Mount, directory: string) => at.startsWith(`${path.resolve(directory)}/`);

/** What is mounted here, in the order of mounting (proc(5), mountinfo). */
export async function listMounts(): Promise<Mount[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.flatMap((line) => {
    const [, , device, , at, options] = line.split(' ');
    if (device === undefined || at === undefined || options === undefined) return [];
    return [{ at: unescape(at), device, options: options.split(',') }];
  });
}

/** Blanks, tabs, newlines and backslashes are written as three octal digits. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
