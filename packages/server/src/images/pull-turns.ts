/**
 * Whose image is pulled next. A registry may answer without end, and a user can name any: of the pulls at one time, and
 * of those who wait, no user has more than half.
 */
import { GridError } from '@kolejka/protocol';
import { takeTurns } from '../turns.ts';

/** Pulls share one network and one disk. */
const AT_ONCE = 4;
/** Half of the requests that a server has in work: who waits for an image must not keep out who needs none. */
const MOST_WAITING = 500;

interface Share {
  inTurn: ReturnType<typeof takeTurns>;
  waiting: number;
}

/** By the number of a user. */
export interface PullTurns {
  /**
   * Counts a task that waits for its image.
   * @throws GridError `busy`
   */
  wait<Answer>(user: number, work: () => Promise<Answer>): Promise<Answer>;
  /** Runs a pull when its turn has come. Only for those who wait. */
  inTurn<Answer>(user: number, pull: () => Promise<Answer>): Promise<Answer>;
}

export function openPullTurns(): PullTurns {
  const shares = new Map<number, Share>();
  const inTurn = takeTurns(AT_ONCE);
  let waiting = 0;

  const shareOf = (user: number) => shares.get(user) ?? { inTurn: takeTurns(AT_ONCE / 2), waiting: 0 };

  return {
    async wait(user, work) {
      const share = shareOf(user);
      if (waiting >= MOST_WAITING) refuse(`${waiting} tasks`);
      if (share.waiting >= MOST_WAITING / 2) refuse(`${share.waiting} of your tasks`);
      shares.set(user, share);
      waiting += 1;
      share.waiting += 1;
      try {
        return await work();
      } finally {
        waiting -= 1;
        share.waiting -= 1;
        if (share.waiting === 0) shares.delete(user);
      }
    },
    inTurn: (user, pull) => shareOf(user).inTurn(() => inTurn(pull)),
  };
}

function refuse(those: string): never {
  throw new GridError('busy', `${those} wait for their images already.`, { retryAfterS: 5 });
}
