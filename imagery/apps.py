"""Django's entry of the app."""

from django.apps import AppConfig


class ImageryConfig(AppConfig):
    """Pictures that models make."""

    name = "imagery"
    verbose_name = "Images"

    def ready(self) -> None:
        """Add the images to what a person takes along, and let their files go with their rows."""
        from imagery import leaving
        from wisqu.accounts import exports

        leaving.watch()
        exports.register("images", leaving.images_of)
        exports.register_files("images", leaving.files_of)
