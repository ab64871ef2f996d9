import type { ReportedError } from '@onbehalf/errors'
import { html, type View } from '@onbehalf/service-kit'

/** `hosts`: where one signs in, and where the page of that is, if it is another one. */
type Shown = { id: string; name: string; address: string; hosts: readonly string[] }

/** What is about to be connected, for whom, before the browser leaves for somebody else's pages. */
export const connectView = (
  { id, name, address, hosts }: Shown,
  { isForTenant, csrf }: { isForTenant: boolean; csrf: string }
): View => ({
  title: `Connect ${name}`,
  // The form is answered by a redirect to the authorization server.
  leadsAway: true,
  body: html`<h1>Connect ${name}</h1>
<p>${name} wants to know whose calls these are. You go on to the sign-in that is named below, and come back here when you have allowed it.
${isForTenant ? 'From then on everybody in your organisation calls it with what you allow.' : 'What you allow is used for your own calls and for nobody else.'}</p>
<dl><div><dt>Server</dt><dd>${address}</dd></div>
<div><dt>Sign-in at</dt><dd><strong>${hosts.join(', ')}</strong></dd></div></dl>
<form method="post" action="/oauth/connect" class="choices">
<input type="hidden" name="id" value="${id}">
<input type="hidden" name="csrf_token" value="${csrf}">
<button>Go on</button>
</form>
<p class="other">If you did not expect this, close the page: nothing happens.</p>`
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
  title: 'Nothing was connected',
  body: html`<div role="alert"><h1>This page was open for a while</h1>
<p>Nothing was connected yet. Go back to where you found the link, and open it once more.</p></div>`
}
