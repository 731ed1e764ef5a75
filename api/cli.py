"""The command line `xueshi`. Exit codes: 0 done, 1 a fault in the input (said on stderr), 2 wrong usage or settings."""

import gc

# What start-up imports lives as long as the process: collecting amid it finds nothing and takes a fifth of the start.
gc.disable()

import json
import logging
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from api import (
    cli_backup,
    cli_compliance,
    cli_doctor,
    cli_eval,
    cli_imports,
    cli_keeping,
    cli_mcp,
    cli_move,
    cli_plan,
    cli_remind,
    cli_rules,
    cli_spark,
    cli_wecom,
)
from api.show import show, terminal
from assistant import settings
from assistant.errors import InputError, SettingsError, XueshiError, trace
from assistant.settings import Settings

if TYPE_CHECKING:
    from ingest.policies import PolicyReport

app = typer.Typer(help="学时通：教师继续教育学时问答，每个数字都有出处。", no_args_is_help=True, add_completion=False)
ingest = typer.Typer(help="导入政策文件和学时记录。", no_args_is_help=True)
app.add_typer(ingest, name="ingest")
app.add_typer(cli_rules.app, name="rules")
app.add_typer(cli_imports.imports, name="imports")
app.command("audit")(cli_keeping.audit_command)
app.command("erase")(cli_keeping.erase_command)
app.command("backup")(cli_backup.backup_command)
app.command("compliance")(cli_compliance.command)
app.command("eval")(cli_eval.eval_command)
app.command("feedback")(cli_eval.feedback_command)
app.command("mcp")(cli_mcp.command)
app.command("move")(cli_move.move_command)
app.command("restore")(cli_backup.restore_command)
app.command("plan")(cli_plan.command)
app.command("doctor")(cli_doctor.command)
app.command("remind")(cli_remind.command)
app.add_typer(cli_wecom.wecom, name="wecom")
app.add_typer(cli_spark.spark, name="spark")

As = Annotated[str, typer.Option("--as", metavar="账号", help="以哪个账号的身份")]
Json = Annotated[bool, typer.Option("--json", help="只在标准输出上给出 JSON")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="只检查，不写入")]


def main() -> None:
    """Run the command line; every failure is one clear line per fault."""
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        app(standalone_mode=True)
    except SettingsError as error:
        _fail(str(error), 2)
    except XueshiError as error:
        _fail(str(error), 1)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        logging.getLogger(__name__).error("%s", trace(error))
        _fail(f"内部错误（{type(error).__name__}），没有完成。", 1)


def _fail(line: str, code: int) -> None:
    print(line, file=sys.stderr)  # noqa: T201  the command line speaks
    sys.exit(code)


def _started() -> None:
    """From here on there is garbage worth collecting; what start-up made is left out of it."""
    gc.freeze()
    gc.enable()


def _check_free(host: str, port: int) -> None:
    """SettingsError: the address can't be listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SettingsError(f"不能在 {host}:{port} 上监听（{error.strerror}）：请用 --port 换一个端口。") from None


def _json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))  # noqa: T201


@ingest.command("policies")
def ingest_policies_command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="政策目录，或原文（txt、md、html、pdf、docx）及其目录；不填为整个政策库"
        ),
    ] = None,
    policy_id: Annotated[str | None, typer.Option("--as", metavar="POLICY_ID", help="这份原文是哪个政策的")] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="PATH", help="这份原文属于哪里，如 江苏省/常州市")
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """读入政策，修复、分条、建立索引；没有变化的不重做。"""
    from assistant.retrieval.index import open_stores
    from ingest.policies import ingest_originals, ingest_policies, is_corpus

    given = settings.load()
    folders = [path for path in paths or given.corpora if not paths or is_corpus(path)]
    files = [path for path in paths or () if path not in folders]
    if (policy_id or unit) and (folders or len(files) != 1):
        raise InputError("--as 和 --unit 只能与一份原文一起用。")
    database, index = open_stores(given)
    _started()
    reports: list[PolicyReport] = []
    problems: list[str] = []
    try:
        with Progress(transient=True, disable=not sys.stderr.isatty() or as_json, console=Console(stderr=True)) as bar:
            task = bar.add_task("读入政策", total=None)

            def advance(name: str) -> None:
                bar.update(task, advance=1, description=f"读入政策 {name}")

            if folders:
                reports = ingest_policies(database, index, folders, dry_run, advance)
            if files:
                read, problems = ingest_originals(
                    database, index, given.corpora, files, policy_id, unit, dry_run, advance
                )
                reports = [*reports, *read]
    except InputError as error:
        problems = error.problems
    finally:
        index.close()
    if as_json:
        documents = [{**asdict(one), "repairs": [repair.model_dump() for repair in one.repairs]} for one in reports]
        _json({"dry_run": dry_run, "documents": documents, "errors": problems})
    elif reports:
        _show_policies(reports, dry_run)
    if problems:
        raise InputError(problems)


def _show_policies(reports: Sequence["PolicyReport"], dry_run: bool) -> None:
    table = Table("政策", "标题", "文号", "条款", "修复", "状态")
    for report in reports:
        state = "未变" if not report.changed else "待索引" if dry_run else "已索引"
        kinds = Counter(repair.kind for repair in report.repairs)
        repairs = "、".join(f"{kind} {count}" for kind, count in kinds.items()) or "0"
        table.add_row(report.policy_id, report.title, report.number or "—", str(report.clauses), repairs, state)
    out = terminal()
    out.print(table)
    for report in reports:
        for warning in report.warnings:
            out.print(Text(f"{report.policy_id}：{warning}"))


@ingest.command("records")
def ingest_records_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="csv 或 xlsx 文件；种类由列名判断")],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """导入单位、教师、学时、经费、账号；一次导入要么全部成功，要么什么都不写。"""
    from assistant.store.database import Database
    from ingest.records import load_records, told

    given = settings.load()
    _started()
    with Progress(transient=True, disable=not sys.stderr.isatty() or as_json, console=Console(stderr=True)) as bar:
        task = bar.add_task("导入记录", total=None)
        try:
            report = load_records(
                Database(given.database), files, given.clock(), dry_run, lambda rows: bar.update(task, completed=rows)
            )
        except InputError as error:
            if as_json:
                _json({"loaded": False, "dry_run": dry_run, "errors": error.problems})
            raise InputError(told(error.problems)) from None
    if as_json:
        _json({"loaded": not dry_run, "dry_run": dry_run, "errors": [], **report.model_dump(mode="json")})
        return
    table = Table("文件", "种类", "行数", "新增", "更新", "未变", "调动", "离职")
    for file in report.files:
        numbers = (file.rows, file.added, file.updated, file.unchanged, file.moved, file.left)
        table.add_row(file.file, file.kind, *map(str, numbers))
    out = terminal()
    out.print(table)
    for file in report.files:
        for warning in file.warnings:
            print(f"{file.file}：{warning}", file=sys.stderr)  # noqa: T201
    if dry_run:
        out.print("试运行：没有写入任何内容。")
    elif report.import_id is not None:
        out.print(f"这是第 {report.import_id} 次导入；撤销用 xueshi imports undo {report.import_id}。")


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="问题", show_default=False)],
    account: As,
    as_json: Json = False,
    thread: Annotated[str | None, typer.Option("--thread", metavar="ID", help="接着哪个对话")] = None,
) -> None:
    """问一个问题。"""
    _ask(settings.load(), question, account, as_json, thread)


def _ask(given: Settings, question: str, account: str, as_json: bool, thread: str | None = None) -> None:
    from assistant.bootstrap import install

    installation = install(given)
    try:
        assistant = installation.assistant
        answer = assistant.ask(question, assistant.account(account), thread, limited=False)
    finally:
        installation.close()
    if as_json:
        _json(answer.model_dump(mode="json"))
    else:
        show(answer, terminal())
    if answer.outcome == "unavailable":
        raise typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="端口", min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="进程数；多于 1 个需要 Chroma 服务器或 pgvector", min=1)] = 1,
) -> None:
    """启动 HTTP 接口和页面。"""
    import uvicorn

    from api import logs
    from api.app import create_app
    from api.limits import CONNECTIONS, PatientProtocol

    given = settings.load()
    if workers > 1 and given.vector_url == settings.EMBEDDED:
        raise SettingsError(
            "--workers 大于 1 时，XUESHI_VECTOR_URL 须指向 Chroma 服务器或 PostgreSQL：内嵌的向量库只能由一个进程使用。"
        )
    _check_free(host, port)
    logs.start()
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "http": PatientProtocol,
        "ws": "none",
        "limit_concurrency": CONNECTIONS,
        "log_config": None,
        "access_log": False,
    }
    if workers == 1:
        web = create_app(given)
        _started()
        uvicorn.run(web, **options)
    else:
        settings.share_metrics(given.home / "metrics")
        uvicorn.run("api.server:app", workers=workers, **options)


@app.command()
def token(
    account: As,
    minutes: Annotated[int, typer.Option("--minutes", help="有效的分钟数", min=1, max=60)] = 60,
) -> None:
    """签发一个访问凭证，供试用。"""
    from api.tokens import Tokens
    from assistant.errors import NotRegistered
    from assistant.store import audit, people
    from assistant.store.audit import Act
    from assistant.store.database import Database

    given = settings.load()
    tokens = Tokens(given)
    with Database(given.database).write() as connection:
        if people.account(connection, account) is None:
            raise NotRegistered(f"账号 {account[:40]} 没有登记。")
        audit.note(connection, Act.TOKEN, account)
    print(tokens.make(account, minutes))  # noqa: T201


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="端口", min=1, max=65535)] = 8000,
    serving: Annotated[bool, typer.Option("--serve/--no-serve", help="答完后是否启动页面")] = True,
    question: Annotated[str, typer.Option("--ask", metavar="问题")] = "我今年还差多少学时？",
    account: As = "t0001",
) -> None:
    """演示：建索引、载入示例记录、回答一个问题，再打开页面。"""
    import uvicorn

    from api.demo import TODAY, demo_app, demo_settings, prepare
    from assistant.retrieval.index import open_stores

    given, out = demo_settings(port), terminal()
    out.print(f"演示日期：{TODAY}（示例记录截至这一天）", style="bold")
    database, index = open_stores(given)
    prepare(database, index, given, out.print)
    database.close()
    index.close()
    out.print(f"\n[bold]{account} 问：{question}[/bold]\n")
    _ask(given, question, account, as_json=False)
    if serving:
        _check_free("127.0.0.1", port)
        web = demo_app(given)
        out.print(f"\n页面：http://127.0.0.1:{port}　选一个示例账号即可提问；按 Ctrl+C 结束。", style="bold")
        _started()
        uvicorn.run(web, host="127.0.0.1", port=port, log_level="warning")
