import { type Html, html, type View } from '@onbehalf/service-kit'
import { allowedPath } from '../allowed/path.ts'
import type { Connect } from './find.ts'
import { type Opened, signInPath } from './path.ts'

/** How somebody who is signed in is called, and where. */
export type Shown = { person: string; tenant: string }

const takeBack = html`<p class="other"><a href="${allowedPath}">See and take back what may act as you</a></p>`

/** A link that does not hold says nothing, since anybody could have written it. */
export const nothingView: View = {
  title: 'Nothing to do here',
  body: html`<h1>Nothing to do here</h1>
<p>This link is not complete, or it has expired. Go back to where you found it and try once more: you are given a new one.</p>
<p>If nothing asked you to come here, you can close this page.</p>`
}

/** Who wants to act as the reader, where, and that nothing happens otherwise. */
export const signInView = (connect: Connect, opened: Opened, shown: Shown | undefined): View => {
  const { app, installation } = connect
  const asker = app ?? installation
  const asked = installation ? 'This platform asked' : 'It asked'
  const title = asker ? `${asker.name} wants to act as you` : 'Sign in to go on'
  return {
    title,
    body: html`<h1>${title}</h1>
<p>${asker ? asked : 'Somebody tried'} to use a tool server as you, and no sign-in of yours allows that yet. Sign in,
and calls there are made as you and as nobody else.</p>
${factsOf(connect, shown)}
<div class="choices">
<a class="button" href="${signInPath(opened)}">${shown ? `Go on as ${shown.person}` : 'Sign in and go on'}</a>
<a class="button quiet" href="${signInPath(opened, { isSwitch: true })}">Use another account</a>
</div>
<p class="other">If you did not expect this, close the page: nothing happens.</p>`
  }
}

/** Whoever it is for is not named: the reader is somebody else. */
export const somebodyElseView = (opened: Opened, shown: Shown | undefined): View => ({
  title: 'This link is for somebody else',
  body: html`<h1>This link is for somebody else</h1>
<p>${shown ? html`You are signed in as ${shown.person}, ${shown.tenant}.` : ''} The link is meant for another account, so
nothing was connected.</p>
<div class="choices">
<a class="button" href="${signInPath(opened, { isSwitch: true })}">Use another account</a>
</div>
<p class="other">If it was not meant for you at all, close the page.</p>`
})

/** What an app may do from now on, and as whose account there. */
export const allowView = (
  { linking, ...connect }: Connect,
  opened: Opened,
  { shown, csrf }: { shown: Shown | undefined; csrf: string }
): View => {
  const name = linking?.app.name ?? ''
  return {
    title: `Let ${name} act as you?`,
    // The app's own return URL is where the form leads.
    leadsAway: true,
    body: html`<h1>Let ${name} act as you?</h1>
<p>It calls tools as you from then on, also while you are away, until you take it back. Allow it only if you come from
there and the account below is yours.</p>
${factsOf({ ...connect, linking }, shown)}
<form method="post" action="/connect" class="choices">
<input type="hidden" name="csrf_token" value="${csrf}">
<input type="hidden" name="link" value="${opened.link}">
${opened.return_url ? html`<input type="hidden" name="return_url" value="${opened.return_url}">` : ''}
<button>Allow</button>
<a class="button quiet" href="${signInPath(opened, { isSwitch: true })}">Use another account</a>
</form>
<p class="other">If you did not expect this, close the page: nothing happens.</p>`
  }
}

export const allowedView = (app: string): View => ({
  title: `${app} can act as you`,
  body: html`<span class="mark good" aria-hidden="true">✓</span>
<h1>${app} can act as you</h1>
<p>Go back to it and try once more; you can close this page.</p>
${takeBack}`
})

/** The form came too late, or from elsewhere. */
export const staleView: View = {
  title: 'Nothing was allowed',
  body: html`<div role="alert"><h1>This page was open for a while</h1>
<p>Nothing was allowed yet. Go back to where you found the link, and open it once more.</p></div>`
}

export const doneView: View = {
  title: 'You are signed in',
  body: html`<span class="mark good" aria-hidden="true">✓</span>
<h1>You are signed in</h1>
<p>Calls can be made as you again. Go back to where you came from and try once more; you can close this page.</p>
${takeBack}`
}

/** To send the browser back would only bring it here again. */
export const nothingLeftView = (connect: Connect, opened: Opened, shown: Shown | undefined): View => ({
  title: 'Calls cannot be made as you yet',
  body: html`<div role="alert"><h1>Calls cannot be made as you yet</h1>
<p>You signed in, but your identity provider gave nothing that calls at this server could be made with. To sign in again
does not help by itself: ask an administrator to test how ${shown?.tenant ?? 'your tenant'} is connected to it.</p></div>
${factsOf(connect, shown)}
<div class="choices">
<a class="button quiet" href="${signInPath(opened)}">Sign in once more</a>
</div>`
})

const factsOf = ({ server, linking }: Connect, shown: Shown | undefined): Html => {
  const facts = [
    { term: 'Account', text: linking?.external_id },
    { term: 'Server', text: server?.name },
    { term: 'Address', text: server?.audience },
    { term: 'Signed in as', text: shown && `${shown.person}, ${shown.tenant}` }
  ]
  return html`<dl>${facts.map(({ term, text }) => (text ? html`<div><dt>${term}</dt><dd>${text}</dd></div>` : html``))}</dl>`
}
