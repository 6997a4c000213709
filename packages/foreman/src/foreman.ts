/** The parts of a foreman: what each needs, and how they end. */
import path from 'node:path';
import { type Client, openClient } from '@kolejka/client';
import { type Log, realClock, runLoop, type Shutdown } from '@kolejka/program';
import { LIMIT_NAMES } from '@kolejka/protocol';
import { Ending } from './ask.ts';
import { BlobCache } from './blob-cache.ts';
import type { ForemanConfig } from './config.ts';
import { controlSocket, openControl } from './control.ts';
import { readCpus } from './cpu-shape.ts';
import { Disk } from './disk.ts';
import { Gate } from './gate.ts';
import { type HeartbeatContext, heartbeatPass, leasesTasks, sendHeartbeat } from './heartbeat.ts';
import { HeldTasks } from './held.ts';
import { keepIdleMemorySmall } from './idle-memory.ts';
import { tellOutput } from './live-output.ts';
import type { MESSAGES } from './messages.ts';
import { readOffer } from './node.ts';
import { pullPass } from './pull.ts';
import { recover, type RecoverContext } from './recover.ts';
import { Seats } from './seats.ts';
import { openSpool } from './spool.ts';
import { openContainers, type OpenWorker } from './worker.ts';

export type ForemanContext = RecoverContext & HeartbeatContext;

export interface ForemanOptions {
  log: Log<typeof MESSAGES>;
  shutdown: Shutdown;
  /** Opens what runs tasks: containers, unless a test says otherwise. */
  openWorker?: OpenWorker;
}

export interface Foreman {
  /** Resolves when it was asked to end and nothing runs any more. */
  finished: Promise<void>;
}

/**
 * Starts a foreman: opens its worker, asks the server who it is, and begins to take tasks.
 * @throws GridError when the server refuses or is away, or when this machine is not fit
 */
export async function openForeman(
  config: ForemanConfig,
  { log, shutdown, openWorker = openContainers }: ForemanOptions,
): Promise<Foreman> {
  // First, for the state is nobody else's then.
  const spool = await openSpool(config.state);
  shutdown.closing('spool', () => spool.close());
  const { worker, cpus: given = [], close } = await openWorker(config, log);
  shutdown.closing('worker', close);
  // Now, for what an earlier process has left there is removed.
  const disk = new Disk(config.temp);
  await disk.test();
  const client = openClient(config);
  shutdown.closing('client', () => client.close());
  // Wrong credentials are said now and not in a loop.
  const leased = await leasesTasks(client, config.name);
  const cpus = given.length === 0 ? undefined : await readCpus(given);
  const machine = cpus === undefined ? {} : { cpus: cpus.length };
  const offer = await readOffer({ ...machine, ...config.limits }, { tags: config.tags, auto: config.auto_tags });
  const context: ForemanContext = {
    client: { ...client, downloadTo: await openDownloads(config, client, log) },
    worker,
    spool,
    offer,
    disk,
    held: new HeldTasks(),
    log,
    clock: realClock,
    insisted: shutdown.insisted,
    foreman: config.name,
    leased,
    stated: LIMIT_NAMES.filter((name) => config.limits[name] !== undefined),
    ending: new Ending(),
    interval: config.interval,
    pull: config.pull,
    gate: new Gate(),
    seats: new Seats(offer.limits, offer.defaults, config.concurency, cpus),
    running: new Set(),
    ...(leased && {
      tellOutput: (task, held, ended) =>
        tellOutput({ client, foreman: config.name, clock: realClock, log }, task, held, ended),
    }),
  };
  const { held, seats, gate } = context;
  const controlled = { foreman: config.name, server: config.server, gate, held, seats, asked: shutdown.asked };
  shutdown.closing('control', await openControl(controlSocket(config.state), controlled));
  shutdown.closing('idle memory', keepIdleMemorySmall(held));
  log.say('foreman-started', { foreman: config.name, server: config.server, leased, ...offer });
  return { finished: end(govern(context, shutdown), { log, shutdown }) };
}

/** How files of tasks come here: through the cache, where there is one. */
async function openDownloads(
  { state, cache: spaceBytes }: ForemanConfig,
  client: Client,
  log: Log<typeof MESSAGES>,
): Promise<Client['downloadTo']> {
  if (spaceBytes === 0) return (reference, file, options) => client.downloadTo(reference, file, options);
  const cache = await BlobCache.open({ client, directory: path.join(state, 'cache'), spaceBytes, log });
  return (reference, file, options) => cache.downloadTo(reference, file, options);
}

/**
 * Takes up what an earlier process has left, then pulls until asked to end, lets running tasks end or, when insisted,
 * hands them back; renews leases to the last.
 */
export async function govern(
  context: ForemanContext,
  { asked, insisted }: Pick<Shutdown, 'asked' | 'insisted'>,
): Promise<void> {
  const { held, leased, log, clock } = context;
  const done = new AbortController();
  asked.addEventListener('abort', () => log.say('foreman-draining', { running: held.size }), { once: true });
  insisted.addEventListener('abort', () => held.stopAll(), { once: true });
  await recover(context);
  const heartbeats = runLoop({
    pass: (signal) => heartbeatPass(context, signal),
    // Without leases there is nothing to renew.
    signal: leased ? done.signal : AbortSignal.abort(),
    failed: (error, inARow) => log.say('heartbeat-failed', { error, inARow }),
    clock,
  });
  await runLoop({
    pass: (signal) => pullPass(context, signal),
    signal: asked,
    failed: (error, inARow) => log.say('pull-failed', { error, inARow }),
    clock,
  });
  await Promise.all(context.running);
  done.abort();
  await heartbeats;
  // What was handed back at the very end has not been said yet.
  if (leased && held.size > 0)
    await sendHeartbeat(context).catch((error: unknown) => log.say('heartbeat-failed', { error }));
}

async function end(
  governed: Promise<void>,
  { log, shutdown }: { log: Log<typeof MESSAGES>; shutdown: Shutdown },
): Promise<void> {
  await governed;
  shutdown.ask();
  await shutdown.finished();
  log.say('foreman-stopped');
}
