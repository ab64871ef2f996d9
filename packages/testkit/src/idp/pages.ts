import type { IdpUser } from './users.ts'

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '')

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:10vh auto;padding:0 1rem}label,input,button{display:block;width:100%;box-sizing:border-box;margin:.4rem 0;font:inherit}input,button{padding:.5rem}</style>
</head><body><h1>${title}</h1>${body}</body></html>`

export const loginPage = ({ users, isWrong }: { users: readonly IdpUser[]; isWrong: boolean }): string => {
  const quick = users
    .filter(({ password }) => password === undefined)
    .map(({ sub, name, email }) => {
      const label = `Continue as ${escapeHtml(name)} (${escapeHtml(email)})`
      return `<button name="login" value="${escapeHtml(sub)}" formnovalidate>${label}</button>`
    })
  return page(
    'Sign in',
    `${isWrong ? '<p role="alert">No such user, or another password.</p>' : ''}
<form method="post" data-idp="login">
<label>User or e-mail<input name="login" autocomplete="username" required></label>
<label>Password<input name="password" type="password" autocomplete="current-password"></label>
<button type="submit">Sign in</button></form>
<form method="post">${quick.join('\n')}</form>`
  )
}

export const consentPage = ({
  client,
  scopes,
  resources
}: {
  client: string
  scopes: string
  resources: string[]
}): string =>
  page(
    'Allow access?',
    `<p><strong>${escapeHtml(client)}</strong> asks for: ${escapeHtml(scopes)}</p>
<ul>${resources.map((resource) => `<li>${escapeHtml(resource)}</li>`).join('')}</ul>
<form method="post" data-idp="consent">
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button></form>`
  )

/** `form` is the provider's own, which lacks its button. */
export const logoutPage = (form: string): string =>
  page('Sign out?', form.replace('</form>', '<button name="logout" value="yes">Sign out</button></form>'))

export const loggedOutPage = (): string => page('Signed out', '<p>Nobody is signed in here.</p>')

export const errorPage = (message: string): string => page('That did not work', `<p>${escapeHtml(message)}</p>`)
