// Whether a visitor had better not help, or should think of what it costs: known from the browser alone, sent to nobody.
//
// By the browser's time zone (IANA), so it is a guess: true before the click, wrong for travellers. The countries are those
// that "Freedom on the Net 2024" (Freedom House) calls Not Free, and some that it leaves out; docs/embedding.md says which
// and why. One line for each, in that order, old names of zones included, since some browsers still say them.

const CENSORED = {
  // Azerbaijan, Bahrain, China, Iran, Kazakhstan, Myanmar, Pakistan, Saudi Arabia, Thailand, Turkey, the Emirates,
  // Uzbekistan, Vietnam, Russia beyond the Urals
  // Afghanistan, Laos, North Korea, Syria, Tajikistan, Turkmenistan, Yemen
  Asia:
    "Baku Bahrain " +
    "Shanghai Urumqi Chongqing Chungking Harbin Kashgar " +
    "Tehran " +
    "Almaty Aqtau Aqtobe Atyrau Oral Qostanay Qyzylorda " +
    "Yangon Rangoon Karachi Riyadh Bangkok Istanbul Dubai Samarkand Tashkent Ho_Chi_Minh Saigon " +
    "Anadyr Barnaul Chita Irkutsk Kamchatka Khandyga Krasnoyarsk Magadan Novokuznetsk Novosibirsk Omsk Sakhalin " +
    "Srednekolymsk Tomsk Ust-Nera Vladivostok Yakutsk Yekaterinburg " +
    "Kabul Vientiane Pyongyang Damascus Dushanbe Ashgabat Ashkhabad Aden",
  // Belarus, Turkey, Russia and Crimea
  Europe: "Minsk Istanbul Astrakhan Kaliningrad Kirov Moscow Samara Saratov Simferopol Ulyanovsk Volgograd",
  // Egypt, Ethiopia, Rwanda, Sudan; Eritrea
  Africa: "Cairo Addis_Ababa Kigali Khartoum Asmara Asmera",
  // Cuba, Venezuela
  America: "Havana Caracas",
};
/** Names without a continent. */
const OLD = "PRC Iran Turkey W-SU Egypt Cuba";

/**
 * What a visitor should be told before anything starts; both, one or nothing.
 * @param {object} [browser] for tests
 * @param {string} [browser.timeZone]
 * @param {{saveData?: boolean, type?: string}} [browser.connection] of the Network Information API, where there is one
 * @returns {("censored" | "metered")[]}
 */
export function caution({
  timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone,
  connection = /** @type {any} */ (navigator).connection,
} = {}) {
  const [continent = "", city] = String(timeZone).split("/");
  const zones = city ? Object.entries(CENSORED).find(([name]) => name === continent)?.[1] : OLD;
  /** @type {("censored" | "metered")[]} */
  const found = [];
  if (zones?.split(" ").includes(city ?? continent)) found.push("censored");
  if (connection?.saveData || connection?.type === "cellular") found.push("metered");
  return found;
}
