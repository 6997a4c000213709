/**
 * Structured log lines. A program declares each line in its `messages.ts`: name, level, and what an operator should
 * think. A line is JSON on stderr (or a readable text), with the name and the fields, never with a secret.
 */
import pino from 'pino';
import { openLines } from './log-lines.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';

export type Messages = Record<string, { level: Level; about: string }>;

export interface Log<Table extends Messages> {
  /** Writes the line `name`, and never throws: a line that cannot be written is lost. Fields must be free of secrets. */
  say(name: keyof Table & string, fields?: Record<string, unknown>): void;
}

export interface LogOptions {
  /** Least level that is written. */
  level?: Level | 'silent';
  /** File descriptor; stderr when not given. */
  descriptor?: number;
}

/** A log of one program. */
export function openLog<Table extends Messages>(
  program: string,
  messages: Table,
  options: LogOptions = {},
): Log<Table> {
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { program },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    openLines(options.descriptor ?? 2),
  );
  return {
    say(name, fields = {}) {
      const row = messages[name];
      if (row !== undefined) logger[row.level](fields, name);
    },
  };
}
