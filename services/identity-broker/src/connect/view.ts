import { html, type View } from '@onbehalf/service-kit'

type Given = { tenant: string; provider?: string; audience?: string }

/** What a refused user reads: which server, what signing in does, and that nothing happens otherwise. */
export const connectView = (given: Given): View => {
  const name = given.provider ?? given.audience
  const server = name ? html`the tool server <code>${name}</code>` : html`your tools`
  const done = new URLSearchParams({ ...given, done: 'true' })
  const query = new URLSearchParams({ ...given, return_to: `/connect?${done}` })
  return {
    title: 'Sign in to go on',
    body: html`<h1>Sign in to go on</h1>
<p>Somebody tried to call ${server} as you, and there is no sign-in of yours that allows it. Sign in, and calls are made
as you and as nobody else.</p>
<p>If you did not expect this, close the page: nothing happens.</p>
<a class="button" href="/auth/sign-in?${query.toString()}">Sign in</a>`
  }
}

export const connectedView: View = {
  title: 'Signed in',
  body: html`<span class="mark good" aria-hidden="true">✓</span>
<h1>You are signed in</h1>
<p>Tools can be called as you again. Close this page and try once more.</p>`
}
