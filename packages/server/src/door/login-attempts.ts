/**
 * Wrong passwords are counted, and who sends too many waits.
 *
 * Counted are failures only, for each user and address and for each address: foremen of the original log in for every
 * task, and a stranger elsewhere must not be able to lock a user out. An address is looked at twice: when the login
 * comes, and when its turn has come to be checked, so that guesses sent all at once get no further than those sent one
 * after the other. An IPv6 address counts by its first 64 bits, a network that one caller has for itself.
 */
import { isIPv6 } from 'node:net';
import type { Clock } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';

export interface Login {
  username: string;
  /** Of the caller, as far as proxies are trusted. */
  address: string;
}

export interface LoginAttempts {
  /** @throws GridError `too-many-requests` with the time until the next attempt */
  refuseTooMany(login: Login): void;
  noteFailure(login: Login): void;
}

export interface AttemptRules {
  /** Failures of one user from one address in the window. */
  ofUser: number;
  /** Failures from one address in the window. */
  ofAddress: number;
}

const WINDOW_MS = 5 * 60_000;

/** Most counters that are kept: some 20 MB. Beyond, the oldest is forgotten; that takes a thousand addresses at once. */
const MOST_COUNTERS = 100_000;

interface Counter {
  failures: number;
  untilMs: number;
}

/** No attempts yet. */
export function openLoginAttempts(rules: AttemptRules, clock: Clock, mostCounters = MOST_COUNTERS): LoginAttempts {
  // In the order in which they end: a counter is put at the end when it begins, and all last equally long.
  const counters = new Map<string, Counter>();

  const namesOf = ({ username, address }: Login): [string, number][] => {
    const network = networkOf(address);
    return [
      [`${network} ${username}`, rules.ofUser],
      [network, rules.ofAddress],
    ];
  };

  function forgetEnded(): void {
    const now = clock.monotonic();
    for (const [name, { untilMs }] of counters) {
      if (untilMs > now && counters.size <= mostCounters) return;
      counters.delete(name);
    }
  }

  return {
    refuseTooMany(login) {
      forgetEnded();
      for (const [name, most] of namesOf(login)) {
        const counter = counters.get(name);
        if (counter === undefined || counter.failures < most) continue;
        const retryAfterS = Math.ceil((counter.untilMs - clock.monotonic()) / 1000);
        throw new GridError('too-many-requests', `Too many wrong passwords: wait ${retryAfterS} s.`, { retryAfterS });
      }
    },
    noteFailure(login) {
      for (const [name] of namesOf(login)) {
        const counter = counters.get(name);
        if (counter === undefined) counters.set(name, { failures: 1, untilMs: clock.monotonic() + WINDOW_MS });
        else counter.failures += 1;
      }
      forgetEnded();
    },
  };
}

/** What a caller has for itself: an IPv4 address, the first 64 bits of an IPv6 address. What is neither is taken as it is. */
function networkOf(address: string): string {
  const four = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (four !== undefined) return four;
  const plain = address.replace(/%.*$/, '');
  if (!isIPv6(plain)) return address.slice(0, 64);
  const [before = [], behind = []] = plain.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const between = Array<string>(Math.max(0, 8 - before.length - behind.length)).fill('0');
  const groups = [...before, ...between, ...behind].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}
