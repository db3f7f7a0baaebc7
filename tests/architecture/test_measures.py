"""The numbers that the project keeps small are small."""

from tests.architecture import measures


def test_the_core_of_the_backbone_stays_small() -> None:
    assert 0 < measures.core_lines() < measures.CORE_LIMIT


def test_no_file_names_the_host_of_a_package_index() -> None:
    assert measures.mentions_of_index_hosts() == []


def test_the_search_for_hosts_would_find_one() -> None:
    assert measures.INDEX_HOSTS.search("--index-url https://pypi" + ".org/simple")
