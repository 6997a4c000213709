/**
 * Users and tokens of a data directory, for command lines and for programs that set a server up. Works beside a
 * running server: both open the same database. This is the door `@kolejka/server/accounts`.
 */
export type { Place } from './accounts/place.ts';
export { createToken, type NewToken } from './accounts/tokens.ts';
export { addUser, ensureUser, type NewUser, setPassword } from './accounts/users.ts';
