// What goes into the bridge's core and what comes out of it (core.js): types alone.

/** `megabytes`: in tenths, rounded up. @typedef {{now: number, total: number, megabytes: number}} Counts */
/** @typedef {"off" | "connecting" | "waiting" | "helping" | "offline"} State */
/** What a bridge reports to its page. @typedef {{state: State} & Counts} BridgeStatus */

/**
 * @typedef {{type: "start", capacity: number}
 *   | {type: "limits", capacity: number}
 *   | {type: "stop"}
 *   | {type: "network", online: boolean}
 *   | {type: "woke"}
 *   | {type: "socketOpened"}
 *   | {type: "socketMessage", data: unknown}
 *   | {type: "socketClosed", code: number}
 *   | {type: "surveyed", id: number, network: import("./network.js").Network}
 *   | {type: "sessionAnswered", id: string, sdp: string}
 *   | {type: "sessionOpened", id: string}
 *   | {type: "sessionCarried", id: string}
 *   | {type: "sessionClosed", id: string}
 *   | {type: "timer"}} Event
 */

/** @typedef {{type: "survey", id: number, server: import("./messages.js").IceServer}} SurveyCommand */
/**
 * @typedef {{type: "openSocket"}
 *   | {type: "send", text: string}
 *   | {type: "closeSocket", code: number, reason: string}
 *   | SurveyCommand
 *   | {type: "openSession", id: string} & import("./pipe.js").Offer
 *   | {type: "closeSession", id: string}
 *   | {type: "publish", status: BridgeStatus}} Command
 */

export {};
