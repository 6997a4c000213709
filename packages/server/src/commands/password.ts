/** A password from the command line, from standard input, or from somebody who types it unseen. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { GridError } from '@kolejka/protocol';

/** Nobody types a longer one; a file that was piped in by mistake is not read to its end. */
const LONGEST = 1000;

/**
 * The password: as it was given, else the first line of standard input, else what is typed twice and alike.
 * @throws GridError `usage` when there is none
 */
export async function readPassword(given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  if (!process.stdin.isTTY) return readLine();
  const first = await typeUnseen('Password: ');
  if (first !== (await typeUnseen('Again: '))) throw new GridError('usage', 'These were two passwords. Try again.');
  return first;
}

async function readLine(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.includes('\n') || text.length > LONGEST) break;
  }
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line.length > LONGEST) throw new GridError('usage', `The password has more than ${LONGEST} characters.`);
  if (line !== '') return line;
  throw new GridError('usage', 'There is no password: give it as an argument, or on standard input.');
}

async function typeUnseen(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  // The terminal shows what its reader echoes; this one echoes nothing.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    const { promise, reject } = Promise.withResolvers<never>();
    reader.once('SIGINT', () => reject(new GridError('usage', 'Nothing was changed.')));
    reader.once('close', () => reject(new GridError('usage', 'Nothing was changed.')));
    return await Promise.race([reader.question(''), promise]);
  } finally {
    process.stderr.write('\n');
    reader.close();
  }
}
