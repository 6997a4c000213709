/** What a row of the route table says, and the parts that rows of several nouns share. */
import { z } from 'zod';
import type { Permission } from '../access.ts';
import type { ErrorCode } from '../errors.ts';
import { TaskId } from '../identifiers.ts';
import { checked, documented } from '../shape.ts';
import { parseCount } from '../units.ts';

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `:name` marks a parameter. */
  path: string;
  /** `anyone`, `user` (whoever is logged in), or the permission it takes. */
  may: 'anyone' | 'user' | Permission;
  params?: z.ZodObject;
  query?: z.ZodObject;
  /** Headers that mean something to this request, in lower case. They are described here; the handler reads them. */
  headers?: z.ZodObject;
  /** Schema of a JSON or form body, or `bytes` for a raw stream. */
  body?: z.ZodType | 'bytes';
  /** The clients of the original send this body as a form. */
  form?: true;
  /** Bytes its body may have, where that is more than a server lets a body have. */
  largest?: number;
  /** Its answer may take as long as the caller asked for: a long poll. */
  waits?: true;
  /** Also answered without the last slash: those who watch over a server follow no redirects. */
  slashless?: true;
  /**
   * Schema of a JSON answer without `status`, `bytes` for a raw stream, `events` for server-sent events, `piece` for
   * what the tus protocol answers.
   */
  answer: z.ZodType | 'bytes' | 'events' | 'text' | 'metrics' | 'piece';
  /** May the same request be sent again when no answer came? */
  repeatable: boolean;
  errors: readonly ErrorCode[];
  /** Ours, not the original's. */
  extension?: true;
  about: string;
}

export const nothing = z.object({});
export const byTask = z.object({ id: TaskId });

/**
 * An object that a row only hands on. Its fields are not looked at: the server has printed it itself, and a client
 * reads it with a parser, which also knows what the original answers. Documents show what it is.
 */
export const printed = (as: () => z.ZodType) => documented(z.record(z.string(), z.unknown()), as);

/** A whole number, at least 0. @param absent what it is where nothing was said */
export const count = (field: string, absent: number) =>
  checked(
    (value) => (value === null ? absent : Math.max(0, parseCount(value, field))),
    field,
    () => z.int().nonnegative().default(absent),
  );
