/** Somebody who can sign in. Without a password any password does. */
export type IdpUser = { sub: string; email: string; email_verified: boolean; name: string; password?: string }

/** The user who gave this login (subject or e-mail) and password. */
export const findUser = (users: readonly IdpUser[], login: string, password: string): IdpUser | undefined =>
  users.find(
    (user) =>
      (user.sub === login || user.email === login) && (user.password === undefined || user.password === password)
  )
