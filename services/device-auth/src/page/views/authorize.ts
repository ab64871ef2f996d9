import { type Html, html } from '@onbehalf/service-kit'
import { anotherCodePath, decidePath, otherAccountPath, ssoDecidePath } from '../paths.ts'
import type { Texts } from '../texts/texts.ts'
import type { ViewOf } from '../view.ts'

type Authorize = ViewOf<'authorize_member' | 'authorize_sso'>
type Fact = { term: string; text: string | Html }

/** What a member is asked. */
export const authorizeMember = (view: ViewOf<'authorize_member'>, texts: Texts, now: number): Html => {
  const { signsInAs, mayDo, memberMayDo, otherAccount } = texts.authorize
  const who = [
    { term: signsInAs, text: `${view.person} · ${view.tenant}` },
    { term: mayDo, text: memberMayDo }
  ]
  const links = html`<a href="${otherAccountPath}">${otherAccount}</a>
<a href="${anotherCodePath}">${texts.anotherCode}</a>`
  return authorize(view, texts, { who, links, action: decidePath, now })
}

/** What somebody is asked whom an identity provider vouches for. */
export const authorizeSso = (view: ViewOf<'authorize_sso'>, texts: Texts, now: number): Html => {
  const { signsInAs, identityProvider, mayDo, externalMayDo } = texts.authorize
  const who = [
    { term: signsInAs, text: view.email },
    { term: identityProvider, text: view.issuer },
    { term: mayDo, text: externalMayDo }
  ]
  const links = html`<a href="${anotherCodePath}">${texts.anotherCode}</a>`
  return authorize(view, texts, { who, links, action: ssoDecidePath, now })
}

type Rest = { who: Fact[]; links: Html; action: string; now: number }

// Neither button comes first to a hurried eye or to the Enter key: both look alike, and the heading has the focus.
const authorize = (
  view: Authorize,
  texts: Texts,
  { who, links, action, now }: Rest
): Html => html`<h1 tabindex="-1" autofocus>${texts.authorize.title}</h1>
<p>${texts.authorize.text}</p>
<p class="code">${view.user_code}</p>
<dl>${[...factsOf(view, texts, now), ...who].map(
  ({ term, text }) => html`<div><dt>${term}</dt><dd>${text}</dd></div>`
)}</dl>
<p class="warning">${texts.authorize.warning}</p>
<form method="post" action="${action}">
<input type="hidden" name="csrf_token" value="${view.csrf}">
<input type="hidden" name="user_code" value="${view.user_code}">
<div class="choice">
<button name="decision" value="denied">${texts.authorize.deny}</button>
<button name="decision" value="approved">${texts.authorize.approve}</button>
</div>
</form>
<p class="other links">${links}</p>`

const factsOf = ({ flow }: Authorize, texts: Texts, now: number): Fact[] => {
  const { authorize, minutes, minutesAgo } = texts
  const askedMs = now - Date.parse(flow.created_at)
  return [
    { term: authorize.device, text: flow.device_label },
    { term: authorize.client, text: flow.client_id },
    { term: authorize.ip, text: flow.created_ip },
    { term: authorize.askedAt, text: askedAt(flow.created_at, minutesAgo(Math.floor(askedMs / 60_000))) },
    { term: authorize.timeLeft, text: minutes(Math.floor(flow.expires_in_remaining / 60)) }
  ]
}

const askedAt = (iso: string, ago: string): Html =>
  html`<time datetime="${iso}">${iso.slice(11, 16)} UTC</time> · ${ago}`
