/** What is said on the observer's socket, as the original's runner says it. */
import { z } from 'zod';
import { SessionId } from './identifiers.ts';
import { type Limits, parseLimits } from './limits.ts';
import { checked } from './shape.ts';

/** Where the observer listens when nothing else is said; the same path inside containers. */
export const OBSERVER_SOCKET = '/var/run/kolejka/observer/socket';

/** The exact type the original's programs send and expect. */
export const OBSERVER_CONTENT_TYPE = 'application/json; charset=utf-8';

/** A session is one group of processes that the observer accounts for, from open to close. @word session */
export const Session = z.object({ session_id: SessionId, secret: z.string().min(1).max(100) });
export type Session = z.infer<typeof Session>;

/**
 * A process that is meant in place of the caller, by its pid where the caller is: whoever starts a program or types
 * into a shell is seldom the process that connects. The original knows no such field.
 */
const pid = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
  .optional();

const limits = checked((value): Limits => parseLimits(value, 'limits', 'budget'), 'limits');

/** How each command is asked. `limits` are tightened by those of the parent, never loosened. */
export const SESSION_COMMANDS = {
  open: z.object({ pid }),
  /** With `limits`, which the original does not know, these are set before. */
  attach: z.object({ session_id: SessionId.optional(), secret: z.string().max(100).optional(), limits, pid }),
  limits: Session.extend({ limits }),
  stats: z.object({ session_id: SessionId, secret: z.string().max(100).optional() }),
  detach: Session.extend({ pid }),
  freeze: Session,
  thaw: Session,
  kill: Session,
  /** With `stats` the last ones are answered, which the original does not do. */
  close: Session.extend({ stats: z.boolean().optional() }),
  /** All sessions and tasks, for root outside of tasks; the original has no such command. See listing.ts. */
  list: z.object({}),
} as const;

export type SessionCommand = keyof typeof SESSION_COMMANDS;
