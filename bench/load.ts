/**
 * Many connections at once that send as fast as they are answered, by autocannon. It runs in the process of the bench,
 * the server has a process of its own.
 */
import autocannon, { type Request } from 'autocannon';

/** What a connection remembers from one request of its round to the next. */
export type Memory = Record<string, unknown>;

/** One request of the round that every connection repeats. */
export interface Shot {
  method: 'GET' | 'POST';
  /** The token it is sent with. */
  token: string;
  /** Path and body; undefined when an answer before was wrong and there is nothing to ask for. */
  request: (memory: Memory) => { path: string; body?: Buffer | string } | undefined;
  /** Hears every answer that is well; throws when it is not what it should be. */
  answered?: (answer: Answer, memory: Memory) => void;
}

export type Answer = Record<string, unknown> & { status: 'OK' };

export interface Load {
  url: string;
  connections: number;
  /** Requests in all, of all connections. */
  amount: number;
  round: readonly Shot[];
}

export interface Outcome {
  /** From the first request to the last answer. */
  seconds: number;
  /** Answers that were not 200, not `OK` or not what they should be, and connections that broke. */
  errors: number;
}

/** Waiting longer for an answer is an error. */
const TIMEOUT_S = 30;

/** Answered with 404, which is counted as the error it is. */
const NOTHING_LEFT = { path: '/nothing-left/' };

export async function shoot({ url, connections, amount, round }: Load): Promise<Outcome> {
  let [first, last, wrong] = [0, 0, 0];

  const prepare = (shot: Shot, index: number): Request => ({
    method: shot.method,
    setupRequest(sent, memory) {
      first ||= performance.now();
      const made = shot.request(memory as Memory) ?? (index === 0 ? NOTHING_LEFT : undefined);
      // Its types do not say so, but by this autocannon begins the round anew; at its begin that is not possible.
      if (made === undefined) return undefined as unknown as Request;
      return { ...sent, ...made, headers: { authorization: `Bearer ${shot.token}` } };
    },
    onResponse(status, body, memory) {
      last = performance.now();
      try {
        const answer = JSON.parse(body) as Answer;
        if (status !== 200 || answer.status !== 'OK') throw new Error(body);
        shot.answered?.(answer, memory as Memory);
      } catch {
        wrong += 1;
      }
    },
  });

  const { errors } = await autocannon({
    url,
    connections,
    amount,
    requests: round.map(prepare),
    timeout: TIMEOUT_S,
    // It looks this often whether it is done, in milliseconds.
    sampleInt: 50,
  });
  return { seconds: (last - first) / 1000, errors: errors + wrong };
}
