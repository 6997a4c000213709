/** Real registries of images on free ports, and the real engine: what tests of pulling and pushing need. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import Docker from 'dockerode';

export const docker = new Docker();

const NOTE = path.join(import.meta.dirname, '../../../../.setup/registry.json');

/** Why these tests cannot run here, or undefined. */
export async function whyNot(): Promise<string | undefined> {
  const { missing } = JSON.parse(
    await readFile(NOTE, 'utf8').catch(() => '{"missing": "run npm run setup for a registry"}'),
  ) as { missing?: string };
  if (missing !== undefined) return missing;
  return docker.ping().then(
    () => undefined,
    () => 'no Docker engine answers: run npm run setup',
  );
}

export interface Registry {
  /** HOST:PORT. */
  host: string;
  stop: () => Promise<void>;
}

/** The one who may push to a registry that asks who pushes. */
export const PUSHER = { username: 'pusher', password: 'pushpass' } as const;
/** Its password, as htpasswd writes it. */
const HTPASSWD = 'pusher:$2b$12$PoBuftvVa/oXKw6xJ39bn.pJx54BdlyyqjmWa.UwihNy/ZD/Hq/kK\n';

/** A registry in a temporary directory; what the engine has of it is removed at the end. */
export async function startRegistry(t: ExecutionContext, { asks = false } = {}): Promise<Registry> {
  const { program } = JSON.parse(await readFile(NOTE, 'utf8')) as { program: string };
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-registry-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const [config, htpasswd] = [path.join(directory, 'config.yml'), path.join(directory, 'htpasswd')];
  await writeFile(htpasswd, HTPASSWD);
  const auth = { htpasswd: { realm: 'test', path: htpasswd } };
  const settings = {
    version: 0.1,
    // JSON is YAML: a registry reads it.
    storage: { filesystem: { rootdirectory: path.join(directory, 'images') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0' },
    log: { level: 'info' },
    ...(asks && { auth }),
  };
  await writeFile(config, JSON.stringify(settings));
  const child = spawn(program, ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  const stop = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  t.teardown(stop);
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const host = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (host === undefined) continue;
    child.stderr.resume();
    t.teardown(() => forget(host));
    return { host, stop };
  }
  throw new Error(`the registry ended before it listened: ${said.join('\n')}`);
}

/** Removes what the engine has of a registry. */
export async function forget(host: string): Promise<void> {
  for (const { RepoTags, RepoDigests } of await docker.listImages()) {
    const names = [...(RepoTags ?? []), ...(RepoDigests ?? [])].filter((name) => name.startsWith(`${host}/`));
    // The last of its names takes an image away, and its other names with it.
    for (const name of names) await docker.getImage(name).remove({ force: true }).catch(ignoreMissing);
  }
}

function ignoreMissing(error: { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error;
}

/**
 * Puts an image into a registry under a name, `box:1`, and takes it from the engine: one like no other.
 * @param bytes random ones in a layer of their own
 * @returns its identifier
 */
export async function publish({ host }: Registry, name: string, label: string, bytes = 0): Promise<string> {
  const command = ['sh', '-c', `head -c ${bytes} /dev/urandom > /bytes`];
  const container = await docker.createContainer({ Image: 'busybox:stable', Cmd: command, NetworkDisabled: true });
  const [repo, tag] = [`${host}/${name.split(':')[0]}`, name.split(':')[1] ?? 'latest'];
  try {
    if (bytes > 0) {
      await container.start();
      await container.wait();
    }
    const { Id } = (await container.commit({ repo, tag, changes: `LABEL test=${label}-${host}` })) as { Id: string };
    const said = await text((await docker.getImage(repo).push({ tag, authconfig: {} })) as Readable);
    if (!said.includes('Digest')) throw new Error(`the image was not published: ${said}`);
    await docker.getImage(`${repo}:${tag}`).remove();
    return Id.replace('sha256:', '');
  } finally {
    await container.remove();
  }
}

/** Pulls an image as a node does, and answers its identifier and labels. */
export async function pull(name: string): Promise<{ id: string; labels: Record<string, string>; sizeBytes: number }> {
  await text((await docker.pull(name)) as Readable);
  const { Id, Config, Size } = await docker.getImage(name).inspect();
  return { id: Id.replace('sha256:', ''), labels: Config.Labels, sizeBytes: Size };
}

/** A line to a registry that is held until it is let go; or, with `afterBytes`, for good after so many of an answer. */
export async function holdLine(
  t: ExecutionContext,
  { host }: Registry,
  afterBytes = 0,
): Promise<{ host: string; reached: Promise<unknown>; letGo: () => void }> {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const sockets = new Set<net.Socket>();
  const pass = (from: net.Socket) => {
    const to = net.connect(Number(host.split(':')[1]), '127.0.0.1').on('error', () => from.destroy());
    sockets.add(to);
    from.pipe(to).pipe(from);
    let bytes = 0;
    to.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (afterBytes > 0 && bytes > afterBytes) to.unpipe(from).pause();
    });
  };
  const proxy = net.createServer((from) => {
    sockets.add(from.on('error', () => undefined));
    reached.resolve();
    if (afterBytes > 0) pass(from);
    else void gate.promise.then(() => pass(from));
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const held = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  t.teardown(async () => {
    gate.resolve();
    proxy.close();
    for (const socket of sockets) socket.destroy();
    await forget(held);
  });
  return { host: held, reached: reached.promise, letGo: gate.resolve };
}
