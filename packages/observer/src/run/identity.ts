/** Users and groups by name or number, as /etc/passwd and /etc/group of this machine have them. */
import { readFileSync } from 'node:fs';
import { GridError } from '@kolejka/protocol';
import type { Identity } from './inherit.ts';

/** What a command line says of who a program is. */
export interface Named {
  user?: string;
  group?: string;
  groups?: string;
}

/**
 * The identity of a program; undefined when nothing was named.
 * @throws GridError `bad-value` naming the flag
 */
export function identityOf({ user, group, groups }: Named): Identity | undefined {
  if (user === undefined && group === undefined && groups === undefined) return undefined;
  const entry = user === undefined ? undefined : find('/etc/passwd', user);
  const uid = user === undefined ? process.getuid?.() : idIn(entry, user, '--user');
  // A user that only has a number has no group of its own.
  const ownGroup = entry?.[3] ?? (user === undefined ? process.getgid?.() : user);
  const gid = group === undefined ? Number(ownGroup) : idOfGroup(group, '--group');
  const others = groups?.split(',').map((name) => idOfGroup(name, '--groups'));
  return { uid: uid ?? 0, gid, ...(others !== undefined && { groups: others }) };
}

function idOfGroup(name: string, flag: string): number {
  return idIn(find('/etc/group', name), name, flag);
}

/** The fields of the line that begins with the name. */
function find(file: string, name: string): string[] | undefined {
  if (/^\d+$/.test(name)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.find((line) => line.startsWith(`${name}:`))?.split(':');
}

/** 32 bits, of which the last value means "as it was". */
const LARGEST_ID = 2 ** 32 - 2;

function idIn(entry: string[] | undefined, name: string, flag: string): number {
  const text = entry?.[2] ?? name;
  const id = Number(text);
  if (/^\d+$/.test(text) && id <= LARGEST_ID) return id;
  throw new GridError('bad-value', `${flag}: there is no ${JSON.stringify(name)} on this machine`, { field: flag });
}
