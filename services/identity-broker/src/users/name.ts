import type { User } from '../database.ts'

/** What a page calls somebody. */
export const nameOf = ({ name, email, subject }: Pick<User, 'name' | 'email' | 'subject'>): string =>
  name ?? email ?? subject
