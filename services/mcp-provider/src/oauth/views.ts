import type { ReportedError } from '@onbehalf/errors'
import { type Html, html, type View } from '@onbehalf/service-kit'

type Form = { id: string; name: string; csrf: string; isForTenant: boolean }

/** `hosts`: where one signs in, and where the page of that is, if it is another one. `isHeld`: it is connected already. */
type Shown = Form & { address: string; hosts: readonly string[]; isHeld: boolean }

const fieldsOf = ({ id, csrf }: Form): Html => html`<input type="hidden" name="id" value="${id}">
<input type="hidden" name="csrf_token" value="${csrf}">`

const disconnectButton = html`<button class="quiet" name="decision" value="disconnect">Disconnect</button>`

/** What is about to be connected, for whom, before the browser leaves for somebody else's pages. */
export const connectView = ({ address, hosts, isHeld, ...form }: Shown): View => ({
  title: `Connect ${form.name}`,
  // The form is answered by a redirect to the authorization server.
  leadsAway: true,
  body: html`<h1>Connect ${form.name}</h1>
<p>${form.name} wants to know whose calls these are. You go on to the sign-in that is named below, and come back here when you have allowed it.
${form.isForTenant ? 'From then on everybody in your organisation calls it with what you allow.' : 'What you allow is used for your own calls and for nobody else.'}</p>
<dl><div><dt>Server</dt><dd>${address}</dd></div>
<div><dt>Sign-in at</dt><dd><strong>${hosts.join(', ')}</strong></dd></div></dl>
${isHeld ? html`<p class="note">It is connected already. Disconnect takes back what was allowed${form.isForTenant ? ' for everybody in your organisation' : ''}.</p>` : ''}
<form method="post" action="/oauth/connect" class="choices">
${fieldsOf(form)}
<button>Go on</button>
${isHeld ? disconnectButton : ''}
</form>
<p class="other">If you did not expect this, close the page: nothing happens.</p>`
})

/** What somebody allowed who can connect it no more. */
export const heldView = (form: Form): View => ({
  title: `${form.name} is connected`,
  body: html`<h1>${form.name} is connected</h1>
<p>It is not open to you any more, and is not called with what you allowed. You can take that back.</p>
<form method="post" action="/oauth/connect" class="choices">
${fieldsOf(form)}
${disconnectButton}
</form>`
})

export const disconnectedView = (name: string): View => ({
  title: `${name} is disconnected`,
  body: html`<span class="mark good" aria-hidden="true">✓</span>
<h1>${name} is disconnected</h1>
<p>What was allowed is forgotten here, and its sign-in is told so. You can close this page.</p>`
})

export const connectedView = (name: string): View => ({
  title: `${name} is connected`,
  body: html`<span class="mark good" aria-hidden="true">✓</span>
<h1>${name} is connected</h1>
<p>Go back to where you came from and try once more; you can close this page.</p>`
})

/** An authorization that did not work, in the words that are safe to read. */
export const failureView = ({ code, message }: Pick<ReportedError, 'code' | 'message'>, requestId: string): View => ({
  title: 'Not connected',
  body: html`<span class="mark bad" aria-hidden="true">!</span>
<h1>That did not work</h1>
<p>${message}</p>
<p><small>${code} · ${requestId}</small></p>`
})

/** The form came too late, or from elsewhere. */
export const staleView: View = {
  title: 'Nothing was changed',
  body: html`<div role="alert"><h1>This page was open for a while</h1>
<p>Nothing was changed. Go back to where you found the link, and open it once more.</p></div>`
}
