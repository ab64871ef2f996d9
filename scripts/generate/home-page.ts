import { html, pageText } from '@onbehalf/service-kit'

const title = 'Tools, called as you'

const body = html`<h1>${title}</h1>
<p>Onbehalf calls MCP tools on behalf of the verified end user: the server is told who is asking, with a short-lived token
for that user and for itself.</p>
<div class="choices">
<a class="button" href="/device">Enter a device's code</a>
<a class="button quiet" href="/auth/allowed">See what may act as you</a>
</div>
<p class="other">For programs: <a href="/openapi.json">the API's description</a> (OpenAPI 3.1)</p>`

/** infra/gateway/public/index.html: what is at the gateway's own address. */
export const homePage = (): string => pageText({ title, body })
