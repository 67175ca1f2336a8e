// The part of the browsers' extension API that this extension uses.

interface ExtensionEvent<T extends unknown[]> {
  addListener(listener: (...values: T) => void): void;
}

interface ExtensionMessage {
  /** The bridge's status, for pages that show it. */
  status?: import("./manager.js").Status;
  /** From a page that wants the status, or that has changed something. */
  query?: boolean;
}

declare const chrome: {
  action: {
    setBadgeBackgroundColor(details: { color: string }): Promise<void>;
    setBadgeText(details: { text: string }): Promise<void>;
    setBadgeTextColor(details: { color: string }): Promise<void>;
    setIcon(details: { path: { [size: string]: string } }): Promise<void>;
    setTitle(details: { title: string }): Promise<void>;
  };
  alarms: {
    clear(name: string): Promise<boolean>;
    create(name: string, details: { periodInMinutes: number }): void;
    onAlarm: ExtensionEvent<[]>;
  };
  offscreen: {
    createDocument(details: { url: string; reasons: string[]; justification: string }): Promise<void>;
  };
  runtime: {
    getContexts(filter: { contextTypes: string[] }): Promise<unknown[]>;
    onInstalled: ExtensionEvent<[]>;
    onMessage: ExtensionEvent<[ExtensionMessage]>;
    onStartup: ExtensionEvent<[]>;
    sendMessage(message: ExtensionMessage): Promise<void>;
  };
};
