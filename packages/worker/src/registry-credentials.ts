/**
 * Who this machine is at a registry, by Docker's own configuration (`config.json` in DOCKER_CONFIG or ~/.docker), which
 * `docker login` writes: a name and password in `auths`, or a program that keeps them (`credHelpers`, `credsStore`).
 *
 * What is found goes to the engine and nowhere else: no error and no line of the log has it.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';

/** As the engine takes them (Docker Engine API, "Authentication"). */
export type Credentials =
  | { username: string; password: string; serveraddress: string }
  | { identitytoken: string; serveraddress: string };

export interface FoundCredentials {
  credentials?: Credentials;
  /** Why there are none although the configuration speaks of this registry, in words without secrets. */
  trouble?: string;
}

/** What the configuration calls the registry of names without a host. */
const DOCKER_HUB = 'https://index.docker.io/v1/';
/** So long a program that keeps passwords may take. */
const HELPER_PATIENCE_MS = 10_000;

interface DockerConfig {
  auths?: Record<string, { auth?: string; identitytoken?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/** Never rejects: an image that everybody may have is pulled without credentials, too. */
export async function findCredentials(
  image: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<FoundCredentials> {
  const file = path.join(environment['DOCKER_CONFIG'] ?? path.join(homedir(), '.docker'), 'config.json');
  try {
    const server = serverOf(image);
    const config = await readConfig(file);
    const helper = entryOf(config.credHelpers, server) ?? config.credsStore;
    const credentials =
      helper === undefined || helper === '' ? fromFile(config, server) : await askHelper(helper, server, environment);
    return credentials === undefined ? {} : { credentials };
  } catch (error) {
    return { trouble: `${file}: ${(error as Error).message}` };
  }
}

/** The registry of an image, as the configuration calls it. What comes before the first slash is a host when it looks like one. */
function serverOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost && first !== 'docker.io' && first !== 'index.docker.io' ? first : DOCKER_HUB;
}

async function readConfig(file: string): Promise<DockerConfig> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new Error(`cannot be read (${code})`, { cause: error });
  }
  try {
    const config: unknown = JSON.parse(content);
    if (typeof config === 'object' && config !== null) return config;
  } catch {
    // What JSON.parse says quotes the text, which may be a password.
  }
  throw new Error('is not a JSON object');
}

/** The entry of a registry, written with or without scheme and path. */
function entryOf<Entry>(entries: Record<string, Entry> | undefined, server: string): Entry | undefined {
  const host = hostOf(server);
  const known = Object.entries(entries ?? {});
  return (known.find(([name]) => name === server) ?? known.find(([name]) => hostOf(name) === host))?.[1];
}

const hostOf = (server: string) => server.replace(/^https?:\/\//, '').split('/', 1)[0];

function fromFile({ auths }: DockerConfig, server: string): Credentials | undefined {
  const { auth = '', identitytoken } = entryOf(auths, server) ?? {};
  if (identitytoken !== undefined && identitytoken !== '') return { identitytoken, serveraddress: server };
  const pair = Buffer.from(auth, 'base64').toString();
  const colon = pair.indexOf(':');
  if (colon <= 0) return undefined;
  return { username: pair.slice(0, colon), password: pair.slice(colon + 1), serveraddress: server };
}

/** Asks as Docker does: `docker-credential-NAME get`, the registry on stdin (docker/docker-credential-helpers). */
async function askHelper(
  name: string,
  server: string,
  environment: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) throw new Error('names a credential helper that can be no program');
  const signal = AbortSignal.timeout(HELPER_PATIENCE_MS);
  const child = spawn(program, ['get'], { env: environment, stdio: ['pipe', 'pipe', 'ignore'], signal });
  // A program that does not read its input may end before.
  child.stdin.on('error', () => undefined).end(server);
  const ended = once(child, 'close').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${program} could not be run (${error.code ?? error.name})`, { cause: error });
  });
  const [said, [status]] = await Promise.all([text(child.stdout), ended]);
  // Of a registry it knows nothing of it says so, and fails.
  if (status !== 0) {
    if (said.includes('credentials not found')) return undefined;
    throw new Error(`${program} failed with exit status ${status}`);
  }
  return readAnswer(program, said, server);
}

function readAnswer(program: string, said: string, server: string): Credentials {
  let answer: { Username?: unknown; Secret?: unknown } = {};
  try {
    answer = JSON.parse(said) as typeof answer;
  } catch {
    // Quotes the password.
  }
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw new Error(`${program} does not answer as a credential helper does`);
  }
  return username === '<token>'
    ? { identitytoken: secret, serveraddress: server }
    : { username, password: secret, serveraddress: server };
}
