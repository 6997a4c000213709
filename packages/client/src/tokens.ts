/** One's own tokens, on a server of ours. */
import { GridError, type RouteAnswer } from '@kolejka/protocol';
import type { Connection } from './connection.ts';

export type TokenAbout = RouteAnswer<'listTokens'>['tokens'][number];

export interface NewToken {
  /** What it is for. */
  label?: string | undefined;
  /** Days until it expires; without, it does not. */
  days?: number | undefined;
}

/** Makes a token that stands for the user; it is answered this once. */
export async function createToken(
  connection: Connection,
  { label = '', days }: NewToken = {},
): Promise<RouteAnswer<'createToken'>> {
  return await connection.call('createToken', { body: { label, ...(days !== undefined && { days }) } });
}

/** All of them, oldest first. */
export async function listTokens(connection: Connection): Promise<TokenAbout[]> {
  return (await connection.call('listTokens')).tokens;
}

/** Takes a token back: it stands for nobody from now on. @throws GridError `not-found` */
export async function revokeToken(connection: Connection, id: number): Promise<void> {
  if (!Number.isSafeInteger(id) || id < 1) throw new GridError('not-found', `You have no token ${id}.`);
  await connection.call('revokeToken', { params: { id: String(id) } });
}
