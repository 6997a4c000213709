/**
 * Passwords: argon2id with the least parameters OWASP advises (19 MiB, 2 passes), written in the usual `$argon2id$…`
 * text. Hashing runs on threads of its own; at most two at a time, so that uploads get threads too,
 * and at most a thousand wait for that, some twenty seconds: the whole grid logs in at once when a server has been away.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { takeTurns } from './turns.ts';

const PARAMETERS = { memory: 19_456, passes: 2, parallelism: 1 };
const inTurn = takeTurns(2, 1000);
const FORM = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/;

const argon2Async = promisify(argon2);

export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const digest = await derive(password, nonce, PARAMETERS, 32);
  const { memory, passes, parallelism } = PARAMETERS;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(nonce)}$${unpadded(digest)}`;
}

/**
 * Is this the password the hash was made of?
 *
 * Without a hash (there is no such user) it takes as long and answers no: the time must not tell which names exist.
 * @param look is called when its turn has come, before the work; what it throws is thrown
 * @throws GridError `busy` when too many wait
 */
export async function verifyPassword(
  password: string,
  hash: string | undefined,
  look: () => void = () => undefined,
): Promise<boolean> {
  const [, memory, passes, parallelism, nonce = '', digest = ''] = FORM.exec(hash ?? '') ?? [];
  if (hash === undefined || digest === '') {
    await derive(password, Buffer.alloc(16), PARAMETERS, 32, look);
    return false;
  }
  const wanted = Buffer.from(digest, 'base64');
  const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const got = await derive(password, Buffer.from(nonce, 'base64'), parameters, wanted.length, look);
  return timingSafeEqual(wanted, got);
}

function derive(
  password: string,
  nonce: Buffer,
  parameters: typeof PARAMETERS,
  tagLength: number,
  look: () => void = () => undefined,
): Promise<Buffer> {
  return inTurn(async () => {
    look();
    return argon2Async('argon2id', { message: password, nonce, ...parameters, tagLength });
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
