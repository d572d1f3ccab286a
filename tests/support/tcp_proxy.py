"""A TCP proxy between two of our processes, which spoils what goes through it as it is told.

One thread with an event loop serves all lines (a line: one client's connection and the one made for it). What is done to
the bytes is an object of class Passing or below it; `proxy.spoil(LoseAnswers())` puts another one in force, for lines that
are open too, and `proxy.heal()` lets all pass again. The address stays the same when the server behind it moves
(`proxy.target = …`).
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
import threading

CHUNK = 65536
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27


def _drop_all_packets(sock):
    """A packet filter that accepts nothing: no byte, no acknowledgement and no keepalive is answered any more."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0 bytes
    header = struct.pack("HL", 1, ctypes.addressof(program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, header)


def _drop_no_packets(sock):
    sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


class Line:
    """One connection through the proxy."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.writers = []
        self.dead = False  # whatever comes goes nowhere

    async def serve(self, reader, writer):
        self.writers.append(writer)
        host, port = self.proxy.target
        server_reader, server_writer = await asyncio.open_connection(host, port)
        self.writers.append(server_writer)
        await self.proxy.spoiling.opened(self)
        pumps = [asyncio.ensure_future(self.pump(reader, server_writer, False)),
                 asyncio.ensure_future(self.pump(server_reader, writer, True))]
        try:
            await asyncio.gather(*pumps)
        finally:
            for pump in pumps:
                pump.cancel()

    async def pump(self, reader, writer, answers):
        while data := await reader.read(CHUNK):
            if not self.dead:
                await self.proxy.spoiling.carry(self, data, writer, answers)
        if self.dead:
            return
        writer.write_eof()

    def sockets(self):
        return [writer.get_extra_info("socket") for writer in self.writers]

    def reset(self):
        """Both ends get an RST."""
        for writer in self.writers:
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    def end(self):
        for writer in self.writers:
            writer.transport.abort()


class Passing:
    """All bytes, at once. Its subclasses say what else happens; all of it in the proxy's thread."""

    def begin(self, proxy):
        """It comes into force."""

    def heal(self, proxy):
        """It is in force no more."""

    async def opened(self, line):
        """A new line, connected at both ends."""

    async def carry(self, line, data, writer, answers):
        """Some bytes of a line; answers: from the server to the client."""
        writer.write(data)
        await writer.drain()


class Latency(Passing):
    """Each piece comes later, in both directions."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def carry(self, line, data, writer, answers):
        await asyncio.sleep(self.seconds)
        await super().carry(line, data, writer, answers)


class Trickle(Passing):
    """Some bytes a second from the server to the client."""

    def __init__(self, bytes_per_second=1):
        self.pause = 1 / bytes_per_second
        self.ended = asyncio.Event()

    def heal(self, proxy):
        self.ended.set()

    async def carry(self, line, data, writer, answers):
        if answers:
            while data and not self.ended.is_set():
                writer.write(data[:1])
                data = data[1:]
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.ended.wait(), self.pause)
        await super().carry(line, data, writer, answers)


class Reset(Passing):
    """All lines are cut at once, and new ones as soon as they are open."""

    def begin(self, proxy):
        for line in list(proxy.lines):
            line.reset()

    async def opened(self, line):
        line.reset()


class CutAnswers(Passing):
    """Half of the next answer of each line, then a reset."""

    async def carry(self, line, data, writer, answers):
        if not answers:
            return await super().carry(line, data, writer, answers)
        writer.write(data[:len(data) // 2])
        await writer.drain()
        await asyncio.sleep(0.02)  # an RST overtakes what is still in the buffers
        line.reset()


class LoseAnswers(Passing):
    """What is asked gets through and is done; instead of the answer comes a reset."""

    async def carry(self, line, data, writer, answers):
        if not answers:
            return await super().carry(line, data, writer, answers)
        line.reset()


class Swallow(Passing):
    """Bytes are taken and acknowledged and go nowhere, as at a middle box that forgot the connection: keepalives see nothing
    of it. Such a line stays dead after heal(): what is missing on it cannot be put back."""

    def begin(self, proxy):
        for line in proxy.lines:
            line.dead = True

    async def opened(self, line):
        line.dead = True


class BlackHole(Passing):
    """No packet gets through in either direction, and nobody is told: half-open connections. After heal() new lines work.
    The old ones stay dead, or go on where they were (`revive`), as after a cable was out for a while."""

    def __init__(self, revive=False):
        self.revive = revive
        self.lines = set()
        self.revived = asyncio.Event()

    def begin(self, proxy):
        _drop_all_packets(proxy.listening)
        for line in list(proxy.lines):
            self._silence(line)

    def heal(self, proxy):
        _drop_no_packets(proxy.listening)
        if not self.revive:
            return
        for sock in (sock for line in self.lines for sock in line.sockets()):
            with contextlib.suppress(OSError):
                _drop_no_packets(sock)
        self.revived.set()

    async def opened(self, line):
        self._silence(line)

    async def carry(self, line, data, writer, answers):
        await self.revived.wait()
        await super().carry(line, data, writer, answers)

    def _silence(self, line):
        self.lines.add(line)
        for sock in line.sockets():
            with contextlib.suppress(OSError):
                _drop_all_packets(sock)


class Proxy:
    def __init__(self, target, host="127.0.0.1"):
        """`target`: (host, port) of the server behind it."""
        self.target = target
        self.spoiling = Passing()
        self.lines = set()
        self.loop = asyncio.new_event_loop()
        self.listening = socket.create_server((host, 0), backlog=512)
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True, name=f"proxy-{self.port}")

    def start(self):
        self.thread.start()
        self._call(self._open())
        return self

    def spoil(self, spoiling):
        """Puts it in force in the place of what was."""
        self._call(self._change(spoiling))

    def heal(self):
        self.spoil(Passing())

    def cut(self):
        """Resets what is open; new lines pass. The server behind it may have moved."""
        self._call(self._cut())

    def close(self):
        if self.thread.is_alive():
            self._call(self._close())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
        self.listening.close()

    # -- in the thread of the loop ------------------------------------------------------------

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    async def _open(self):
        self.server = await asyncio.start_server(self._serve, sock=self.listening, limit=CHUNK)

    async def _serve(self, reader, writer):
        line = Line(self)
        self.lines.add(line)
        try:
            await line.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            line.reset()
        finally:
            self.lines.discard(line)
            line.end()

    async def _change(self, spoiling):
        self.spoiling.heal(self)
        self.spoiling = spoiling
        spoiling.begin(self)

    async def _cut(self):
        for line in list(self.lines):
            line.reset()

    async def _close(self):
        self.spoiling.heal(self)
        self.server.close()
        for line in list(self.lines):
            line.end()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
