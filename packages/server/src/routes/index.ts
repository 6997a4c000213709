/** A handler for every route of the table; one that is missing does not compile. */
import type { Handlers } from '@kolejka/program/serve';
import type { Parts, User } from '../parts.ts';
import { accountRoutes } from './account.ts';
import { blobRoutes } from './blob.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { outputRoutes } from './output.ts';
import { queueRoutes } from './queue.ts';
import { resultRoutes } from './result.ts';
import { taskRoutes } from './task.ts';
import { taskStateRoutes } from './task-state.ts';
import { tokenRoutes } from './token.ts';

export function allRoutes(parts: Parts) {
  return {
    ...accountRoutes(parts),
    ...tokenRoutes(parts),
    ...blobRoutes(parts),
    ...taskRoutes(parts),
    ...taskStateRoutes(parts),
    ...eventRoutes(parts),
    ...outputRoutes(parts),
    ...resultRoutes(parts),
    ...queueRoutes(parts),
    ...healthRoutes(parts),
  } satisfies Handlers<User>;
}
