import type { Texts } from './texts.ts'

const minutes = (count: number): string =>
  count < 1 ? 'less than a minute' : count === 1 ? '1 minute' : `${count} minutes`

export const en: Texts = {
  codeEntry: {
    title: 'Sign in a device',
    text: 'Type the code that your device shows.',
    label: 'One-time code',
    form: 'Eight characters, such as ABCD-3456.',
    notInCodes: 'Codes have no I, O or Z, and no 0, 1 or 2.',
    malformed: 'This is not a code. Type the eight characters that your device shows.',
    go: 'Continue'
  },
  chooser: {
    title: 'Sign in first',
    text: 'Then you see which device asks with this code, and decide.',
    member: 'Sign in with your account',
    memberNote: 'If you are a member of an organisation here.',
    sso: 'Sign in with single sign-on',
    ssoNote: 'If you use its servers without an account here.',
    only: 'Sign in and go on'
  },
  organisation: {
    title: 'Which organisation?',
    text: 'Type the short name of your organisation. You sign in with its own identity provider.',
    label: 'Organisation',
    unknown: 'No organisation of this name has single sign-on here.',
    go: 'Continue'
  },
  authorize: {
    documentTitle: 'Approve this device?',
    title: 'Did you start this?',
    text: 'A device asks to sign in as you. Approve only if you started it yourself, and it shows this code:',
    warning: 'If somebody sent you this code or link, deny it: they would act as you.',
    device: 'Device',
    client: 'Program',
    ip: 'IP address',
    askedAt: 'Asked at',
    timeLeft: 'Time left',
    signsInAs: 'Signs in as',
    identityProvider: 'Identified by',
    mayDo: 'May do',
    memberMayDo: 'everything you may do here',
    externalMayDo: 'call the tools that are open to you',
    deny: 'Deny',
    approve: 'Approve',
    otherAccount: 'Use another account'
  },
  success: {
    title: 'Device signed in',
    text: 'Go back to your device: it goes on by itself. You can close this page.'
  },
  denied: {
    title: 'Request denied',
    text: 'The device was not signed in. You can close this page.'
  },
  problems: {
    expired: {
      title: 'This code does not work',
      text: 'It has expired, was used already, or was mistyped. Check it, or start again on your device to get a new one.'
    },
    already_decided: {
      title: 'Already decided',
      text: 'This code was approved or denied before. If your device still waits, start again there.'
    },
    rate_limited: {
      title: 'Too many attempts',
      text: 'Your device keeps waiting meanwhile.'
    },
    lookup_failed: {
      title: 'Something went wrong',
      text: 'This is on our side and not about your code. Nothing was decided; try again in a moment.'
    },
    outcome_unknown: {
      title: 'Look at your device',
      text: 'We could not learn whether your decision was stored. If the device still waits, start again there.'
    },
    members_only: {
      title: 'Members only',
      text: 'Your account is not a member here, so it cannot sign devices in. Ask an administrator to add you, or use another account.'
    },
    out_of_date: {
      title: 'This page is out of date',
      text: 'It was opened before you signed in last, so nothing was decided. Load it again and decide there.'
    },
    signed_out: {
      title: 'This page was open for a while',
      text: 'Nothing was decided. Go on, and decide on the page that comes; it may ask you to sign in again.'
    },
    not_fresh: {
      title: 'Sign in again first',
      text: 'Your organisation wants a fresh sign-in before a device is approved. Nothing was decided; you come back here.'
    },
    sso_failed: {
      title: 'Single sign-on did not work',
      text: 'Nothing was decided. Try it once more; if it fails again, ask whoever runs your sign-in.'
    },
    sso_over: {
      title: 'Your sign-in has ended',
      text: 'Nothing was decided. Enter the code of your device once more and sign in again.'
    },
    sso_is_member: {
      title: 'You have an account here',
      text: 'Your e-mail address belongs to a member. Sign in with your account instead of single sign-on.'
    }
  },
  tryAgainIn: (count) => `You can try again in ${minutes(count)}.`,
  anotherCode: 'Enter another code',
  enterCode: 'Enter a code',
  tryAgain: 'Try again',
  goOn: 'Go on',
  signInAgain: 'Sign in again',
  minutes,
  minutesAgo: (count) => (count < 1 ? 'just now' : `${minutes(count)} ago`)
}
