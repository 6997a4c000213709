/** Random names that stand for a user, and the hashes by which they are known. */
import { hash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const SMALL = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** 64 letters and digits, as the original's csrftoken. */
export const newCsrfToken = () => randomText(LETTERS, 64);
/** 32 small letters and digits, as the original's sessionid. */
export const newSessionId = () => randomText(SMALL, 32);
/** A bearer token. The prefix lets people and scanners see what it is. */
export const newToken = () => `kolejka_${randomBytes(24).toString('base64url')}`;

/** What is kept of a secret. It has so many random bits that a fast hash is right. */
export function fingerprint(secret: string): string {
  return hash('sha256', secret);
}

/** Compares without telling by the time it takes where they differ. */
export function sameText(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(fingerprint(one)), Buffer.from(fingerprint(other)));
}

function randomText(letters: string, length: number): string {
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
}
