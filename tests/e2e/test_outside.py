"""Whatever a page shows, the browser asks no other address, and the server tells nobody its numbers."""

import http.client
import socket
import urllib.error
import urllib.parse
import urllib.request

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
PLANT = """url => new Promise(done => {
    const picture = document.createElement("img");
    picture.onload = picture.onerror = () => done(picture.naturalWidth);
    document.body.append(picture);
    picture.src = url;
})"""


def test_a_planted_picture_is_not_fetched(page: Page, app_address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        page.goto(app_address)
        page.get_by_test_id("stApp").wait_for()
        assert page.evaluate(PLANT, f"http://127.0.0.1:{listener.getsockname()[1]}/x.png") == 0
        listener.settimeout(0.5)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_foreign_page_is_refused_and_metrics_are_closed(app_address: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{app_address}/_stcore/metrics", timeout=10)
    place = urllib.parse.urlparse(app_address).netloc
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }
    for origin, status in (("http://evil.example", 403), (app_address, 101)):
        connection = http.client.HTTPConnection(place, timeout=10)
        connection.request("GET", "/_stcore/stream", headers=upgrade | {"Origin": origin})
        assert connection.getresponse().status == status
        connection.close()
