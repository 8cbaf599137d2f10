"""One of the two gRPC servers as a child process on fixed ports."""

import http.client

from devstack.ports import LOOPBACK
from devstack.process import Child

READY_SECONDS_MAX = 30.0
HEALTH_SECONDS_MAX = 2.0


class Server:
    """One of the two gRPC servers; it can be killed, paused and started again on its ports."""

    def __init__(self, child: Child, port: int, metrics_port: int) -> None:
        """Take the child process that serves on these ports."""
        self.child = child
        self.address = f"{LOOPBACK}:{port}"
        self.metrics_url = f"http://{LOOPBACK}:{metrics_port}/metrics"
        self._metrics_port = metrics_port

    @property
    def pid(self) -> int:
        """The process id of its first process; workers are its children."""
        return self.child.pid

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        self.child.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until `/healthz` answers 200."""
        self.child.wait_ready(self.is_healthy, READY_SECONDS_MAX)

    def stop(self) -> None:
        """Stop it by SIGTERM; it finishes its requests."""
        self.child.stop()

    def kill(self) -> None:
        """Send SIGKILL to it and its workers."""
        self.child.kill()

    def restart(self) -> None:
        """Stop, then start."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Send SIGSTOP to it and its workers."""
        self.child.pause()

    def resume(self) -> None:
        """Resume after `pause`."""
        self.child.resume()

    def is_healthy(self) -> bool:
        """Return whether `/healthz` answers 200 now."""
        # Not urllib, which would ask a proxy.
        connection = http.client.HTTPConnection(LOOPBACK, self._metrics_port, timeout=HEALTH_SECONDS_MAX)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
