import { type Html, html, type View } from '@onbehalf/service-kit'
import type { Allowed } from './find.ts'
import { allowedPath } from './path.ts'

type Shown = { person: string; tenant: string; csrf: string }

/** What may be done as the reader, with a button to take back each part that is theirs to take back. */
export const listView = ({ grants, links, deputies, uses, isCut }: Allowed, shown: Shown): View => {
  const { person, tenant, csrf } = shown
  const button = (field: string, id: string, text: string) => html`<form method="post" action="${allowedPath}">
<input type="hidden" name="csrf_token" value="${csrf}">
<button class="quiet" name="${field}" value="${id}">${text}</button>
</form>`
  return {
    title: 'What may act as you',
    body: html`<h1>What may act as you</h1>
<p>You are signed in as ${person}, ${tenant}. What you take back is not listed any more, and ends everywhere at once.</p>
${isCut ? html`<p class="warning">There is more than fits here: take some back, or ask /v1/grants and /v1/links for all.</p>` : ''}
<section><h2>Your sign-ins</h2>
${
  grants.length === 0
    ? html`<p>Nothing is stored: nobody gets a token of yours from your identity provider.</p>`
    : html`<p>With these, calls are made as you at the servers below, also while you are away.</p>`
}
${grants.map(
  ({ id, connection_name, resources, created_at }) => html`<article><h3>${connection_name}</h3>
<p>${resources.length === 0 ? 'For no server so far' : resources.join(', ')}; since ${dayOf(created_at)}.</p>
${button('grant_id', id, 'Take back')}</article>`
)}</section>
<section><h2>Apps you are linked to</h2>
${links.length === 0 ? html`<p>None.</p>` : html`<p>Each may act as you when it names you by its own account.</p>`}
${links.map(
  ({ id, app_name, external_id, updated_at }) => html`<article><h3>${app_name}</h3>
<p>Your account there: ${external_id}; since ${dayOf(updated_at)}.</p>
${button('link_id', id, 'Unlink')}</article>`
)}</section>
${deputies.length === 0 ? '' : deputiesOf(deputies)}
<section><h2>Lately</h2>
${uses.length === 0 ? html`<p>Nobody asked for a token of yours.</p>` : html`<ul>${uses.map(useOf)}</ul>`}</section>
<p class="other">What you allowed at the sign-in of a single server is not listed here. The page on which you connected that server takes it
back.</p>
<p class="other"><a href="/auth/sign-out">Sign out</a></p>`
  }
}

const deputiesOf = (deputies: Allowed['deputies']): Html => html`<section><h2>Allowed by your organisation</h2>
<p>Its administrators let these act as you. Ask them to take it back, or take back your sign-ins: then nobody has anything to act with,
but for servers that take our own tokens.</p>
<ul>${deputies.map(({ name, kind }) => html`<li><strong>${name}</strong>${kind === 'platform' ? ' (a platform)' : ''}</li>`)}</ul></section>`

const useOf = ({ actor_kind, actor_name, audience, outcome, times, last_at }: Allowed['uses'][number]): Html => {
  const who = actor_name ?? (actor_kind === 'user' ? 'You' : 'Somebody')
  const often = times > 1 ? `${times} times, last ` : ''
  const said = outcome === 'issued' ? '' : ` (refused: ${outcome})`
  return html`<li><strong>${who}</strong> at ${audience}, ${often}${minuteOf(last_at)}${said}</li>`
}

const dayOf = (date: Date): Html => html`<time>${date.toISOString().slice(0, 10)}</time>`
const minuteOf = (date: Date): Html => html`<time>${date.toISOString().slice(0, 16).replace('T', ' ')}</time> UTC`

export const allowedFailure = (isOver: boolean): View => ({
  title: 'Nothing was taken back',
  body: html`<div role="alert"><h1>${isOver ? 'This page was open for a while' : 'That did not work'}</h1>
<p>Nothing was taken back now: it may be gone already. Go on, and look at the page that comes.</p></div>
<a class="button" href="${allowedPath}">Go on</a>`
})
