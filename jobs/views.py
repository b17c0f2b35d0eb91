"""The own jobs: list, one with its true progress, cancel."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views import View

from jobs.models import Job
from jobs.services import job_cancel

PAGE = 30
BADGES: dict[str, str] = {
    Job.State.QUEUED: "plain",
    Job.State.RUNNING: "info",
    Job.State.DONE: "ok",
    Job.State.FAILED: "bad",
    Job.State.CANCELLED: "plain",
}


def _time(moment) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M") if moment else "—"


def _number(text: str | None) -> int | None:
    """A page mark from the address; anything else means the first page."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _row(job: Job) -> dict:
    percent = "—" if job.percent is None else f"{job.percent:g}%"
    return {
        "url": job.get_absolute_url(),
        "cells": [
            {"text": job.title},
            {"text": job.get_state_display(), "badge": BADGES[job.state]},
            {"text": percent},
            {"text": _time(job.created_at)},
            {"text": _time(job.finished_at)},
        ],
    }


class JobList(LoginRequiredMixin, View):
    COLUMNS = [
        {"key": "title", "label": "任务"},
        {"key": "state", "label": "状态"},
        {"key": "percent", "label": "完成", "numeric": True},
        {"key": "created_at", "label": "发起时间"},
        {"key": "finished_at", "label": "结束时间"},
    ]

    def get(self, request):
        jobs = Job.objects.visible_to(request.user).order_by("-pk")
        before = _number(request.GET.get("before"))
        rows = list((jobs.filter(pk__lt=before) if before else jobs)[: PAGE + 1])
        page = {"first_url": request.path, "previous_url": request.path} if before else {}
        if len(rows) > PAGE:
            page["next_url"] = f"{request.path}?before={rows[PAGE - 1].pk}"
        context = {
            "heading": "我的任务",
            "subtitle": "导入、导出等需要较长时间的办理；可以离开页面，稍后回来查看",
            "table": {"columns": self.COLUMNS, "rows": [_row(job) for job in rows[:PAGE]], "caption": "我的任务"},
            "page": page,
            "empty_reason": "您还没有发起过任务。导入文件或导出名单后，进度会显示在这里。",
        }
        return render(request, "generic/list.html", context)


class JobView(LoginRequiredMixin, View):
    """Base: the person's own job; anybody else's answers like a missing one."""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.pk = kwargs["pk"]

    def get_job(self) -> Job:
        return get_object_or_404(Job.objects.visible_to(self.request.user), pk=self.pk)


class JobDetail(JobView):
    def get(self, request, pk):
        job = self.get_job()
        finished = job.state in Job.FINISHED
        context = {
            "job_row": job,
            "job": {
                "label": job.title,
                "state": job.state,
                "state_label": job.get_state_display(),
                "done": job.done,
                "total": job.total,
                "percent": job.percent,
                "message": job.message,
                "url": reverse("jobs:progress", args=[job.pk]),
                "cancel_url": "" if finished or job.cancel_requested else reverse("jobs:cancel", args=[job.pk]),
            },
            "breadcrumbs": [{"label": "我的任务", "url": reverse("jobs:list")}, {"label": f"任务 {job.pk}"}],
            "facts": [
                ("任务编号", job.pk),
                ("发起时间", _time(job.created_at)),
                ("开始时间", _time(job.started_at)),
                ("结束时间", _time(job.finished_at)),
            ],
        }
        return render(request, "jobs/detail.html", context)


class JobProgress(JobView):
    """What js/progress.js asks for every second."""

    is_background = True  # watching keeps no session alive

    def get(self, request, pk):
        job = self.get_job()
        answer = {
            "state": job.state,
            "done": job.done,
            "total": job.total,
            "percent": job.percent,
            "seconds_left": job.seconds_left,
            "message": job.message,
            "finished_url": job.finished_url,
        }
        return JsonResponse(answer)


class JobCancel(JobView):
    http_method_names = ["post", "options"]

    def post(self, request, pk):
        job = self.get_job()
        if job_cancel(job=job, by=request.user):
            messages.success(request, "已请求取消，正在停下。")
        else:
            messages.info(request, "任务已经结束，不能再取消。")
        return redirect(job)
