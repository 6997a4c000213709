/**
 * What a daemon tells systemd when that has started it: that it is ready, that it lives, that it stops. It is told by
 * systemd-notify, which is where systemd is: Node has no datagrams on unix sockets (sd_notify(3)).
 */
import { execFile } from 'node:child_process';

export interface ServiceManager {
  /** The daemon does its work from now on; where systemd watches over it, it says again and again that it lives. */
  ready(): void;
  /** The daemon ends, which may take a while. */
  stopping(): void;
  /** Says no more. */
  close(): void;
}

/** Pings in the time after which systemd takes the daemon for dead: one may come late. */
const PINGS = 3;

/** @param env the environment; without NOTIFY_SOCKET nobody is told anything */
export function openServiceManager(
  env: NodeJS.ProcessEnv,
  tell: (args: readonly string[]) => void = systemdNotify,
): ServiceManager {
  if (env['NOTIFY_SOCKET'] === undefined) return { ready: nothing, stopping: nothing, close: nothing };
  const watchdogMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1000;
  let pings: NodeJS.Timeout | undefined;
  return {
    ready() {
      tell(['--ready']);
      if (watchdogMs > 0) pings ??= setInterval(() => tell(['WATCHDOG=1']), watchdogMs / PINGS);
      pings?.unref();
    },
    stopping: () => tell(['STOPPING=1']),
    close: () => clearInterval(pings),
  };
}

function nothing(): void {}

/** A message that does not get through is systemd's to notice. */
function systemdNotify(args: readonly string[]): void {
  execFile('systemd-notify', args, () => undefined);
}
