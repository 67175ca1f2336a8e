"""Figures against their targets."""

from bench.targets import verdicts


def test_figures_are_compared_with_their_targets() -> None:
    found = {
        verdict.name: verdict.met
        for verdict in verdicts(
            {
                "chromium_mb_s": 7.9,
                "chromium_raw_mb_s": 10.0,
                "firefox_mb_s": 8.0,
                "firefox_raw_mb_s": 10.0,
                "headless_mb_s": 36.0,
                "headless_raw_mb_s": 51.0,
                "warm_first_byte_s": 0.0041,
                "client_start_s": 0.4,
                "connect_first_byte_chromium_s": None,
                "cpu_s_per_100mb": {"client": 3.0, "bridge": 3.0, "egress": 1.5},
                "bond_4x2_ratio": 3.39,
                "kill_wrong_bytes": 1,
                "kill_pause_worst_s": 0.99,
                "replacement_pause_s": 1.1,
                "link_setup_s": 0.2,
            }
        )
    }
    assert found == {
        "chromium: session / raw": False,
        "firefox: session / raw": True,
        "headless: session / raw": True,
        "headless_mb_s": True,
        "warm_first_byte_s": False,
        "client_start_s": True,
        "connect_first_byte_chromium_s": None,
        "cpu_s_per_100mb, sum": False,
        "bond_4x2_ratio": False,
        "kill_wrong_bytes": False,
        "kill_pause_worst_s": True,
        "replacement_pause_s": True,
    }


def test_the_targets_of_the_switch_are_checked() -> None:
    found = {"chromium_cpu_s_per_100mb": 12.1, "firefox_cpu_s_per_100mb": None, "page_main_thread_ms_per_100mb": 5.0}
    assert {verdict.name: verdict.met for verdict in verdicts({**found})} == {
        "chromium_cpu_s_per_100mb": False,
        "firefox_cpu_s_per_100mb": None,
        "page_main_thread_ms_per_100mb": True,
    }


def test_a_page_through_http_is_compared_with_socks5_at_each_distance() -> None:
    figures = {
        "page_200_http_ratio": {"0 ms": 2.4, "50 ms": 1.3},
        "page_200_socks_ratio": {"0 ms": 2.0, "50 ms": 1.0},
    }
    assert [verdict.met for verdict in verdicts({**figures})] == [True, False]
