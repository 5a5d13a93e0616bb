import type { Incident, Verdict } from "../types";

/** Everything that the page itself says; what incidents say comes from the server. */
export interface Strings {
  locale: string;
  incidents: string;
  showIncidents: string;
  hideIncidents: string;
  noIncidents: string;
  noIncidentsHint: string;
  chooseIncident: string;
  chooseIncidentHint: string;
  otherLanguage: string;
  otherLanguageLabel: string;
  live: string;
  connecting: string;
  reconnecting: string;
  loading: string;
  tryAgain: string;
  noAnswer: string;
  noAnswerHint: string;
  notSignedIn: string;
  notSignedInHint: string;
  verdict: Record<Verdict, string>;
  verdictMeaning: Record<Verdict, string>;
  state: Record<Incident["state"], string>;
  source: Record<Incident["source"], string>;
  investigating: string;
  confidence: (percent: number) => string;
  elapsed: string;
  steps: (count: number) => string;
  stepDone: string;
  stepUnderWay: string;
  evidence: (id: string) => string;
  evidenceOf: string;
  close: string;
  arguments: string;
  facts: string;
  answer: string;
  data: string;
  copy: string;
  copied: string;
  cutAfter: (kilobytes: number) => string;
  showAll: string;
  owner: string;
  followUps: string;
  commitBy: (author: string) => string;
  didItHelp: string;
  helpful: string;
  notHelpful: string;
  whatWasIt: string;
  send: string;
  thanks: string;
  askAnything: string;
  askKeys: string;
  looking: string;
  notSent: string;
  retryIn: (seconds: number) => string;
  newBelow: string;
  window: string;
  requestsFailed: (count: number) => string;
}

export const en: Strings = {
  locale: "en",
  incidents: "Incidents",
  showIncidents: "Show incidents",
  hideIncidents: "Hide incidents",
  noIncidents: "No incidents yet",
  noIncidentsHint: "When an alert fires or somebody asks, it appears here.",
  chooseIncident: "All quiet here",
  chooseIncidentHint: "Choose an incident to see what was found.",
  otherLanguage: "中文",
  otherLanguageLabel: "切换到中文",
  live: "Live",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  loading: "Loading…",
  tryAgain: "Try again",
  noAnswer: "Waggle does not answer",
  noAnswerHint: "Is the program running, and the network there?",
  notSignedIn: "You are not signed in",
  notSignedInHint: "Open the link with the token that Waggle printed when it started.",
  verdict: { confirmed: "confirmed", likely: "likely", inconclusive: "inconclusive", no_incident: "no incident" },
  verdictMeaning: {
    confirmed: "The cause was seen at work",
    likely: "The evidence points one way",
    inconclusive: "The evidence does not decide",
    no_incident: "Nothing is wrong",
  },
  state: { open: "open", investigating: "investigating", found: "found", resolved: "resolved" },
  source: { alert: "alert", person: "asked", deploy_check: "deploy check" },
  investigating: "investigating",
  confidence: (percent) => `Confidence ${percent}%`,
  elapsed: "Time taken",
  steps: (count) => (count === 1 ? "1 step" : `${count} steps`),
  stepDone: "done",
  stepUnderWay: "under way",
  evidence: (id) => `Show evidence ${id}`,
  evidenceOf: "Evidence",
  close: "Close",
  arguments: "Asked with",
  facts: "Facts",
  answer: "Answer",
  data: "Full result",
  copy: "Copy",
  copied: "Copied",
  cutAfter: (kilobytes) => `The first part of ${kilobytes} KB is shown.`,
  showAll: "Show all",
  owner: "Owner",
  followUps: "Ask next",
  commitBy: (author) => `by ${author}`,
  didItHelp: "Did this help?",
  helpful: "It helped",
  notHelpful: "It did not help",
  whatWasIt: "What was it really? (optional)",
  send: "Send",
  thanks: "Thank you. It counts in the scores.",
  askAnything: "Ask anything about this incident",
  askKeys: "Enter sends, Shift+Enter starts a new line",
  looking: "Looking…",
  notSent: "Not sent",
  retryIn: (seconds) => `Try again in ${seconds} s.`,
  newBelow: "New below",
  window: "Window",
  requestsFailed: (count) => (count === 1 ? "1 request failed" : `${count.toLocaleString("en")} requests failed`),
};

export const zh: Strings = {
  locale: "zh-CN",
  incidents: "事件",
  showIncidents: "显示事件列表",
  hideIncidents: "收起事件列表",
  noIncidents: "还没有事件",
  noIncidentsHint: "告警触发或有人提问后，会出现在这里。",
  chooseIncident: "一切平静",
  chooseIncidentHint: "选择一个事件，查看结论与证据。",
  otherLanguage: "EN",
  otherLanguageLabel: "Switch to English",
  live: "实时",
  connecting: "连接中…",
  reconnecting: "重新连接中…",
  loading: "加载中…",
  tryAgain: "重试",
  noAnswer: "Waggle 没有响应",
  noAnswerHint: "请确认程序正在运行，网络可达。",
  notSignedIn: "尚未登录",
  notSignedInHint: "请打开 Waggle 启动时打印的带令牌的链接。",
  verdict: { confirmed: "已确认", likely: "很可能", inconclusive: "无法定论", no_incident: "无异常" },
  verdictMeaning: {
    confirmed: "已直接观察到原因",
    likely: "证据指向同一原因",
    inconclusive: "证据不足以下结论",
    no_incident: "没有发现问题",
  },
  state: { open: "新建", investigating: "调查中", found: "已有结论", resolved: "已解决" },
  source: { alert: "告警", person: "提问", deploy_check: "部署检查" },
  investigating: "调查中",
  confidence: (percent) => `置信度 ${percent}%`,
  elapsed: "用时",
  steps: (count) => `${count} 个步骤`,
  stepDone: "完成",
  stepUnderWay: "进行中",
  evidence: (id) => `查看证据 ${id}`,
  evidenceOf: "证据",
  close: "关闭",
  arguments: "查询参数",
  facts: "事实",
  answer: "结果",
  data: "完整数据",
  copy: "复制",
  copied: "已复制",
  cutAfter: (kilobytes) => `共 ${kilobytes} KB，仅显示开头部分。`,
  showAll: "全部显示",
  owner: "负责人",
  followUps: "继续追问",
  commitBy: (author) => `作者 ${author}`,
  didItHelp: "这个结论有帮助吗？",
  helpful: "有帮助",
  notHelpful: "没有帮助",
  whatWasIt: "真正的原因是什么？（可不填）",
  send: "发送",
  thanks: "谢谢，已计入评分。",
  askAnything: "就这个事件随便问",
  askKeys: "回车发送，Shift+回车换行",
  looking: "正在查…",
  notSent: "未发送",
  retryIn: (seconds) => `请在 ${seconds} 秒后重试。`,
  newBelow: "下方有新消息",
  window: "时间窗",
  requestsFailed: (count) => `${count.toLocaleString("zh-CN")} 个请求失败`,
};
