import type { Texts } from './texts.ts'

const minutes = (count: number): string => (count < 1 ? '不到 1 分钟' : `${count} 分钟`)

export const zhHans: Texts = {
  codeEntry: {
    title: '登录设备',
    text: '请输入设备上显示的代码。',
    label: '一次性代码',
    form: '共八位，例如 ABCD-3456。',
    notInCodes: '代码中没有字母 I、O、Z，也没有数字 0、1、2。',
    malformed: '这不是有效的代码。请输入设备上显示的八位字符。',
    go: '继续'
  },
  chooser: {
    title: '请先登录',
    text: '登录后，您会看到是哪台设备在使用此代码，再作决定。',
    member: '使用账号登录',
    memberNote: '适用于此处某个组织的成员。',
    sso: '使用单点登录',
    ssoNote: '适用于在此处没有账号、但使用其服务器的用户。',
    only: '登录并继续'
  },
  organisation: {
    title: '您属于哪个组织？',
    text: '请输入您所在组织的简称，然后通过该组织自己的身份提供方登录。',
    label: '组织',
    unknown: '没有找到使用此简称并支持单点登录的组织。',
    go: '继续'
  },
  authorize: {
    documentTitle: '批准此设备？',
    title: '这是您本人发起的吗？',
    text: '有一台设备请求以您的身份登录。请仅在由您本人发起、且设备显示以下代码时批准：',
    warning: '如果代码或链接是别人发给您的，请拒绝：对方将能以您的身份操作。',
    device: '设备',
    client: '程序',
    ip: 'IP 地址',
    askedAt: '请求时间',
    timeLeft: '剩余时间',
    signsInAs: '登录身份',
    identityProvider: '身份提供方',
    mayDo: '权限',
    memberMayDo: '您在此处可做的一切操作',
    externalMayDo: '调用向您开放的工具',
    deny: '拒绝',
    approve: '批准',
    otherAccount: '使用其他账号'
  },
  success: {
    title: '设备已登录',
    text: '请回到您的设备，它会自动继续。您可以关闭此页面。'
  },
  denied: {
    title: '已拒绝请求',
    text: '该设备没有登录。您可以关闭此页面。'
  },
  problems: {
    expired: {
      title: '此代码无效',
      text: '代码已过期、已被使用或输入有误。请核对代码，或在设备上重新开始以获取新代码。'
    },
    already_decided: {
      title: '已作出决定',
      text: '此代码先前已被批准或拒绝。如果设备仍在等待，请在设备上重新开始。'
    },
    rate_limited: {
      title: '尝试次数过多',
      text: '在此期间，您的设备会继续等待。'
    },
    lookup_failed: {
      title: '出错了',
      text: '这是我们这边的问题，与您的代码无关。尚未作出任何决定，请稍后再试。'
    },
    outcome_unknown: {
      title: '请查看您的设备',
      text: '我们无法确认您的决定是否已保存。如果设备仍在等待，请在设备上重新开始。'
    },
    members_only: {
      title: '仅限成员',
      text: '您的账号不是此处的成员，因此不能登录设备。请让管理员添加您，或使用其他账号。'
    },
    out_of_date: {
      title: '此页面已失效',
      text: '此页面是在您上次登录之前打开的，因此尚未作出任何决定。请重新加载后再作决定。'
    },
    signed_out: {
      title: '此页面已打开太久',
      text: '尚未作出任何决定。请继续，并在接下来的页面上作决定；届时可能需要您重新登录。'
    },
    not_fresh: {
      title: '请先重新登录',
      text: '您的组织要求您在批准设备之前重新登录。尚未作出任何决定；登录后您会回到这里。'
    },
    sso_failed: {
      title: '单点登录失败',
      text: '尚未作出任何决定。请再试一次；如果仍然失败，请联系负责您登录系统的人员。'
    },
    sso_over: {
      title: '登录已失效',
      text: '尚未作出任何决定。请再次输入设备上的代码并重新登录。'
    },
    sso_is_member: {
      title: '您在此处已有账号',
      text: '您的电子邮件地址属于一位成员。请使用账号登录，而不要使用单点登录。'
    }
  },
  tryAgainIn: (count) => `${minutes(count)}后可以再试。`,
  anotherCode: '输入其他代码',
  enterCode: '输入代码',
  tryAgain: '重试',
  goOn: '继续',
  signInAgain: '重新登录',
  minutes,
  minutesAgo: (count) => (count < 1 ? '刚刚' : `${count} 分钟前`)
}
