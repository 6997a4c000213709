/** Whose a directory is: the process that is named in a file in it, as long as that lives. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

const OWNER_FILE = 'owner';
const UNOWNED_MS = 60_000;

/** Makes this process the owner of the directory. */
export async function ownDirectory(directory: string): Promise<void> {
  const { pid, started } = await self();
  await writeFile(path.join(directory, OWNER_FILE), `${pid} ${started}`);
}

/** This process as an owner. */
export async function self(): Promise<Owner> {
  return { pid: process.pid, started: await startTime(process.pid) };
}

/** From now on it is nobody's. */
export async function disownDirectory(directory: string): Promise<void> {
  await writeFile(path.join(directory, OWNER_FILE), 'nobody');
}

/** True while the owner lives; and for a minute of a directory that names none yet. */
export async function isOwned(directory: string): Promise<boolean> {
  const owner = await readOwner(directory);
  return owner === undefined ? await isYoung(directory) : await lives(owner);
}

/** The pid of the process that owns the directory and lives, or undefined. */
export async function livingOwner(directory: string): Promise<number | undefined> {
  const owner = await readOwner(directory);
  return owner !== undefined && (await lives(owner)) ? owner.pid : undefined;
}

export interface Owner {
  pid: number;
  started: string | undefined;
}

async function readOwner(directory: string): Promise<Owner | undefined> {
  const text = await readFile(path.join(directory, OWNER_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const [pid, started] = text.split(' ');
  return { pid: Number(pid), started };
}

/** A pid is given again to others; its start time tells them apart. */
export async function lives({ pid, started }: Owner): Promise<boolean> {
  return started !== undefined && (await startTime(pid)) === started;
}

/** Between making a directory and saying whose it is there is a moment; later it is nobody's. */
async function isYoung(directory: string): Promise<boolean> {
  const found = await stat(directory).catch(() => undefined);
  return found === undefined || Date.now() - found.ctimeMs < UNOWNED_MS;
}

/**
 * When a process started, in clock ticks since boot (field 22 of /proc/PID/stat), or undefined when it is gone. One that
 * has ended stays there until its parent has asked for it, which pid 1 of a container may never do.
 */
async function startTime(pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ');
  return ENDED.has(fields?.[0] ?? '') ? undefined : fields?.[19];
}

/** States of field 3, proc(5). */
const ENDED: ReadonlySet<string> = new Set(['Z', 'X', 'x']);
